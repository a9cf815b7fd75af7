from .async_client import AsyncClient as AsyncClient
from .async_server import AsyncServer as AsyncServer
