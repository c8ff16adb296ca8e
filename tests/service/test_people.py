"""Users and their passwords, below the routes."""

from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from service.database import Database
from service.people import NOBODYS, People
from service.tables import users


def test_a_name_that_nobody_has_costs_as_much_as_any_other(database: Database) -> None:
    """What it is compared with was made with the parameters of all passwords."""
    people = People(database)
    people.set_password(people.add("kim").id, "a long password", None)
    with database.read() as connection:
        kept = connection.execute(users.select()).one().password
    assert extract_parameters(NOBODYS) == extract_parameters(kept) == RFC_9106_LOW_MEMORY
    assert not PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).check_needs_rehash(NOBODYS)
