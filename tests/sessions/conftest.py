"""People at a real relay."""

from tests.people import links, new_person, short_lived_relay  # noqa: F401
