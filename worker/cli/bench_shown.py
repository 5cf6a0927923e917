"""What `merzim bench night` measured, as people and machines read it."""

from typing import Any

from config.catalogue import text
from worker.bench.bench import Bench
from worker.bench.cases import MAIN
from worker.bench.growth import NIGHTS
from worker.bench.guest import WORKED
from worker.cli.output import in_size, print_table, say

SHOWN = 25


def figures_of_nights(found: dict[str, dict[str, Any]], bench: Bench) -> dict[str, Any]:
    """The main case at the top, the others beneath their names."""
    size = bench.size
    what = {"database": bench.ground.dialect, "people": size.people, "messages": size.messages, "due_percent": size.due}
    others = {name: figures for name, figures in found.items() if name != MAIN}
    return {"measured": what, **found.get(MAIN, {}), **others}


def show_nights(found: dict[str, dict[str, Any]], bench: Bench) -> None:
    """Tables, case by case."""
    for name, figures in found.items():
        _show_limit(name, figures)
        _show_nights(figures)
        _show_profile(figures)
    say(text("verb_bench.counted"))


def _show_limit(case: str, figures: dict[str, Any]) -> None:
    limits = [[text(f"bench_limit.{name}"), rate] for name, rate in figures["limit"].items() if rate is not None]
    title = text("verb_bench.limit", case=text(f"bench_case.{case}"))
    print_table(title, ["by_hand", "rows_per_second"], limits)


def _show_nights(figures: dict[str, Any]) -> None:
    columns = ["workers", "rows_per_second", "ratio", "p95_ms", "longest_ms", "planning", "seconds", "log", "memory"]
    rows = [
        [
            night["workers"],
            night["rows_per_second"],
            f"{night['ratio']:.0%}",
            f"{night['p95_transaction_ms']:.0f}",
            f"{night['longest_transaction_ms']:.0f}",
            f"{night['planning_seconds']:.1f}",
            f"{night['seconds']:.1f}",
            "-" if night["log_bytes"] is None else in_size(night["log_bytes"]),
            f"{night['peak_memory_mb']} MB",
        ]
        for night in figures["night"]
    ]
    print_table(text("verb_bench.nights"), columns, rows)


def _show_profile(figures: dict[str, Any]) -> None:
    profile = figures["profile"]
    steps = [[s["step"], f"{s['database']:.1%}", f"{s['python']:.1%}"] for s in profile["steps"]]
    print_table(text("verb_bench.steps"), ["step", "in_database", "in_python"], steps, whole=("step",))
    rows = [[f["step"], f["function"], f["waits_for"], f"{f['share']:.1%}"] for f in profile["functions"][:SHOWN]]
    print_table(text("verb_bench.functions"), ["step", "function", "waits_for", "share"], rows, whole=("function",))


def show_guest(found: dict[str, Any]) -> None:
    """One line a phase."""
    names = ("p50", "p99", "p99_9", "max")
    rows = []
    for phase in ("idle", *WORKED):
        of = found[phase]
        times = [f"{of[name]:.1f}" for name in names]
        rows.append([text(f"bench_guest.{phase}"), of["visits"], *times, of["errors"], _times_idle(found, phase)])
    columns = ["beside", "visits", "p50_ms", "p99_ms", "p99_9_ms", "longest_ms", "errors", "p99_times_idle"]
    print_table(text("verb_bench.guest"), columns, rows)


def _times_idle(found: dict[str, Any], phase: str) -> str:
    times = found["p99_times_idle"].get(phase)
    return "" if times is None else f"{times:.1f}"


def show_growth(answer: dict[str, Any]) -> None:
    """One line a night and size, and the exponents."""
    rows = []
    for size in answer["sizes"]:
        for name in NIGHTS:
            night = size[name]
            times = [f"{night['seconds']:.1f}", f"{night['planning_seconds']:.2f}"]
            memory = f"{night['peak_memory_mb']} MB"
            rows.append([size["people"], text(f"bench_night.{name}"), night["rows"], *times, memory])
    print_table(text("verb_bench.growth"), ["people", "night", "rows", "seconds", "planning", "memory"], rows)
    for size in answer["sizes"]:
        night = size["nothing_due"]
        names = {"people": size["people"], "times": f"{night['plan_ratio']:.2f}"}
        say(text("verb_bench.by_hand", **names, seconds=f"{night['by_hand_seconds']:.2f}"))
    for name, exponent in answer.get("exponent", {}).items():
        whole, planning = f"{exponent['seconds']:.2f}", f"{exponent['planning_seconds']:.2f}"
        say(text("verb_bench.exponent", night=text(f"bench_night.{name}"), whole=whole, planning=planning))


def show_peers(found: dict[str, Any]) -> None:
    """One line for each of the three."""
    times = {"pt_archiver": 1.0, **found["times_pt_archiver"]}
    rows = [[text(f"bench_peer.{name}"), n, f"{times[name]:.2f}"] for name, n in found["rows_per_second"].items()]
    print_table(text("verb_bench.peers"), ["by", "rows_per_second", "times_pt_archiver"], rows)
