from .spake2 import SPAKE2_A as SPAKE2_A
from .spake2 import SPAKE2_B as SPAKE2_B
from .spake2 import SPAKEError as SPAKEError
