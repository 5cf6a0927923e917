"""The Faker provider that invents people of Kazakhstan. In a file of its own, since importing Faker takes a quarter of
a second and most verbs invent nobody."""

from faker.providers import BaseProvider

from worker.strategies.names import PEOPLE, POOLS, Part


class KazakhstanNames(BaseProvider):
    """Faker provider: people whose last, first and middle names agree in tongue and sex."""

    def kazakhstan_name(self) -> dict[Part, str]:
        """One invented person's last, first and middle name."""
        choice = self.generator.random.choice
        person = choice(PEOPLE)
        return {part: choice(pools[person]) for part, pools in POOLS.items()}
