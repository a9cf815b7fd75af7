from collections.abc import Callable
from typing import Any

DefaultParams: Any

class SPAKEError(Exception): ...

class _SPAKE2_Asymmetric:
    def __init__(
        self,
        password: bytes,
        idA: bytes = b"",
        idB: bytes = b"",
        params: Any = ...,
        entropy_f: Callable[[int], bytes] = ...,
    ) -> None: ...
    def start(self) -> bytes: ...
    def finish(self, inbound_side_and_message: bytes) -> bytes: ...

class SPAKE2_A(_SPAKE2_Asymmetric): ...
class SPAKE2_B(_SPAKE2_Asymmetric): ...
