from dataclasses import dataclass

@dataclass(slots=True, frozen=True, kw_only=True)
class IceServer:
    url: str
    username: str | None = None
    credential: str | None = None

    def to_url(self) -> str: ...
