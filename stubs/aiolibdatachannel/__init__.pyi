from .config import IceServer as IceServer
