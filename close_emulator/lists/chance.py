"""What is made up: ids, people, numbers and texts of one organisation."""

from __future__ import annotations

import random
import string

from close_emulator.lists.catalogue import DECLARATIONS

_LETTERS = (string.digits + string.ascii_letters).encode()
_BASE_62 = bytes(_LETTERS[byte % 62] for byte in range(256))
_PROSE = (
    "Spoke with the operations lead about the roll-out and the open points of the offer. They compare two vendors, "
    "want the migration done before the quarter ends and asked for references of a similar size. Next step is a call "
    "with procurement; security questionnaire was sent, pricing for the larger plan to follow on Thursday. "
)
_FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jana", "Kim", "Leo", "Mia", "Nils", "Ona")
_LAST = ("Abbot", "Brandt", "Castle", "Dahl", "Ekman", "Fuchs", "Gray", "Holm", "Ito", "Jansen", "Keller", "Lund")
_TRADE = ("Foods", "Logistics", "Labs", "Energy", "Health", "Robotics", "Textiles", "Media", "Optics", "Housing")


class Chance:
    """Deterministic for a seed and an order of calls."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"close-{seed}")
        self.organization_id = self.new_id("orga")
        self.owner_id = self.new_id("user")
        """The key's owner."""
        self.names: dict[str, str] = {self.owner_id: "Robin Owner"}
        self.pipeline_id = self.new_id("pipe")
        self.lead_statuses: dict[str, str] = {
            self.new_id("stat"): row["label"] for row in DECLARATIONS["status/lead/"].rows
        }
        """Labels."""
        self.opportunity_statuses: dict[str, tuple[str, str]] = {
            self.new_id("stat"): (row["label"], row["type"]) for row in DECLARATIONS["status/opportunity/"].rows
        }
        """Labels and types."""
        self._people = [self.owner_id]
        self._lead_status_ids = list(self.lead_statuses)
        self._opportunity_status_ids = list(self.opportunity_statuses)

    def new_id(self, prefix: str) -> str:
        """The prefix and 43 base-62 characters."""
        return f"{prefix}_{self._random.randbytes(43).translate(_BASE_62).decode('ascii')}"

    def hire(self, user_id: str, name: str) -> None:
        """Make a person one of those who do things from now on."""
        if self._people == [self.owner_id] and user_id != self.owner_id:
            self._people = []
        self._people.append(user_id)
        self.names[user_id] = name

    def person(self) -> str:
        """The id of someone of the organisation."""
        return self._random.choice(self._people)

    def colleague(self, number: int) -> str:
        """The id of the second person, the third, and so on, after the key's owner; of a stranger if there is none."""
        others = [person for person in self._people if person != self.owner_id]
        return others[number - 2] if number - 2 < len(others) else self.new_id("user")

    def name(self, user_id: object) -> str | None:
        """The name to an id; strangers have one too."""
        return None if user_id is None else self.names.get(str(user_id), "Sam Stranger")

    def person_name(self) -> str:
        """A first and a last name."""
        return f"{self._some(_FIRST)} {self._some(_LAST)}"

    def company_name(self) -> str:
        """The name of a customer."""
        return f"{self._some(_LAST)} {self._some(_TRADE)} {self.number(1, 9999)}"

    def _some(self, words: tuple[str, ...]) -> str:
        return words[self.number(0, len(words) - 1)]

    def some_lead_status(self) -> str:
        """One of the lead statuses."""
        return self._random.choice(self._lead_status_ids)

    def some_opportunity_status(self) -> str:
        """One of the opportunity statuses."""
        return self._random.choice(self._opportunity_status_ids)

    def number(self, low: int, high: int) -> int:
        """A whole number within the bounds."""
        return low + int(self._random.random() * (high - low + 1))

    def prose(self, length: int) -> str:
        """So many characters of a sales person's notes."""
        start = self.number(0, len(_PROSE) - 1)
        return (_PROSE * (2 + length // len(_PROSE)))[start : start + length]

    def phone(self) -> str:
        """A number of the range reserved for fiction."""
        return f"+1202555{self.number(100, 199):04}"
