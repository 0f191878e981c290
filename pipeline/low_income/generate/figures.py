"""The figures of one real year (docs/performance.md, one real year), and the same for a bureau of another size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """What a bureau reports about its year. Entered: people who stood on a roster at any time of the year, each once."""

    dibao_households: int
    """Monthly average, households."""
    dibao_persons: int
    """Entered, and monthly average: persons."""
    tekun_households: int
    """Monthly average, households."""
    tekun_persons: int
    """Monthly average, persons."""
    tekun_entered: int
    """Persons."""
    edge_entered: int
    """Persons."""
    grants: int
    """Number of grants of temporary assistance in the year."""
    paid_fen: int
    """Paid in the year by all four registries together, fen."""

    @property
    def people(self) -> int:
        """Persons in the registries; the size of a bureau is given by this number."""
        return self.dibao_persons + self.tekun_persons + self.edge_entered

    def at(self, people: int) -> Figures:
        """The same proportions at another size. Each figure, and each difference between an average and a count, is at least 1."""
        whole = self.people

        def part(figure: int) -> int:
            return max(1, round(figure * people / whole))

        tekun = part(self.tekun_persons)
        return Figures(
            dibao_households=part(self.dibao_households),
            dibao_persons=part(self.dibao_persons),
            tekun_households=tekun - part(self.tekun_persons - self.tekun_households),
            tekun_persons=tekun,
            tekun_entered=tekun + part(self.tekun_entered - self.tekun_persons),
            edge_entered=part(self.edge_entered),
            grants=part(self.grants),
            paid_fen=part(self.paid_fen // 100) * 100,
        )


REAL_YEAR = Figures(
    dibao_households=19_000,
    dibao_persons=26_000,
    tekun_households=1_548,
    tekun_persons=1_573,
    tekun_entered=1_636,
    edge_entered=2_295,
    grants=81_000,
    paid_fen=290_000_000_00,
)
