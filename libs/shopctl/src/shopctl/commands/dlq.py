"""`shopctl dlq`: dead letters, what they are, replaying them, who did so."""

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from shopctl.commands import text
from shopctl.commands.running import USAGE, fail, run
from shopctl.desk import Desk
from shopctl.domain.coordinates import Coordinates
from shopctl.domain.replaying import Fate
from shopctl.domain.selection import Selection, instant
from shopctl.errors import AskedWrongly
from shopctl.trail import Operator
from sync_common.bus import DeadLetter
from sync_common.bus.dead_letters import coordinates

OpenDesk = Callable[[], AbstractAsyncContextManager[Desk]]

_WORDS_MAX: Final = 200

app = typer.Typer(no_args_is_help=True, help="Dead letters: look at them, replay them, see who did.")

Where = Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="As `dlq list` writes it.")]
Topic = Annotated[str | None, typer.Option("--topic", help="A dead-letter topic, or the topic before it.")]
Consumer = Annotated[str | None, typer.Option("--consumer", help="The service that rejected them.")]
Error = Annotated[str | None, typer.Option("--error", help="The class of the error, such as InvalidRecord.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Words that the reason contains.")]
Since = Annotated[str | None, typer.Option("--since", help="90m, 36h, 7d, or a time in UTC.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")]
As = Annotated[str, typer.Option("--as", envvar="USER", help="Who you are; noted.")]
Because = Annotated[str, typer.Option("--because", help="Why you do it; noted. Name no person.")]


@app.command("list")
def list_(
    context: typer.Context,
    topic: Topic = None,
    consumer: Consumer = None,
    error: Error = None,
    reason: Reason = None,
    since: Since = None,
    limit: Limit = 100,
) -> None:
    """Show one line per dead letter, and how many there are per topic and reason. Never a body."""
    run(_list(context.obj.open_desk, Selection(topic, consumer, error, reason, _instant(since)), limit))


@app.command()
def show(
    context: typer.Context,
    where: Where,
    body: Annotated[
        bool, typer.Option("--body", help="The body too: people's data, so it is noted.")
    ] = False,
    operator: As = "",
    because: Because = "",
) -> None:
    """Show why a record became a dead letter, and its headers."""
    run(_show(context.obj.open_desk, where, _operator(operator, because) if body else None))


@app.command()
def replay(
    context: typer.Context,
    where: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC/PARTITION/OFFSET...", help="As `dlq list` writes them."),
    ] = None,
    topic: Topic = None,
    error: Error = None,
    reason: Reason = None,
    since: Since = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was replayed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    operator: As = "",
    because: Because = "",
) -> None:
    """Send records to the topic they came from, as they were: those named, or all of a topic that match.

    Replaying twice changes nothing. Each replay is noted; what was replayed before is passed over.
    """
    if bool(where) == bool(topic):
        fail("name dead letters, or the --topic whose dead letters are meant", USAGE)
    if where and (error or reason or since):
        fail("--error, --reason and --since choose among the dead letters of a --topic", USAGE)
    which = Selection(topic, None, error, reason, _instant(since))
    refused = run(
        _replay(
            context.obj.open_desk, where or which, _operator(operator, because), again=again, dry_run=dry_run
        )
    )
    if refused:
        raise typer.Exit(1)


@app.command()
def audit(context: typer.Context, since: Since = None, limit: Limit = 100) -> None:
    """Show who replayed dead letters or looked at a body, when, and why."""
    run(_audit(context.obj.open_desk, _instant(since), limit))


async def _list(open_desk: OpenDesk, which: Selection, limit: int) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    newest: list[tuple[int, int, str]] = []
    async with open_desk() as desk:
        replays = await desk.trail.replays()
        async for letter in desk.select(which):
            counts[letter.message.topic, text.why(letter)] += 1
            known = text.line(letter, replays.get(coordinates(letter.message)))
            heapq.heappush(newest, (letter.message.timestamp_ms, counts.total(), known))
            if len(newest) > limit:
                heapq.heappop(newest)
    for _, _, line in sorted(newest):
        typer.echo(line)
    _summarize(counts, shown=len(newest))


async def _show(open_desk: OpenDesk, where: str, viewer: Operator | None) -> None:
    at = Coordinates.parse(where)
    async with open_desk() as desk:
        letter = await desk.find(at)
        replay = (await desk.trail.replays()).get(coordinates(letter.message))
        body = None if viewer is None else await desk.look_into(letter, viewer)
    for line in text.details(letter, replay):
        typer.echo(line)
    if body is not None:
        typer.echo("\n" + text.visible(body.decode(errors="backslashreplace"), keep="\n\t"))


async def _replay(
    open_desk: OpenDesk, wanted: Sequence[str] | Selection, operator: Operator, *, again: bool, dry_run: bool
) -> int:
    """Return how many were refused."""
    fates: Counter[Fate] = Counter()
    places = (
        [] if isinstance(wanted, Selection) else [Coordinates.parse(one) for one in dict.fromkeys(wanted)]
    )
    async with open_desk() as desk:
        letters = (
            desk.select(wanted)
            if isinstance(wanted, Selection)
            else _each([await desk.find(at) for at in places])  # all are there, or none is replayed
        )
        async for answer in desk.replay(letters, operator, again=again, dry_run=dry_run):
            fates[answer.fate] += 1
            did = "would be replayed" if dry_run and answer.fate is Fate.REPLAYED else answer.fate
            because = f"  ({answer.why})" if answer.why else f"  to {answer.letter.topic}"
            typer.echo(text.visible(f"{did}  {coordinates(answer.letter.message)}{because}"))
    typer.echo(
        f"{fates[Fate.REPLAYED]} {'would be ' if dry_run else ''}replayed, "
        f"{fates[Fate.SKIPPED]} skipped (replayed before; --again repeats), {fates[Fate.REFUSED]} refused"
    )
    return fates[Fate.REFUSED]


async def _audit(open_desk: OpenDesk, since: datetime | None, limit: int) -> None:
    async with open_desk() as desk:
        deeds = [text.deed(event) async for event in desk.trail.read(since)]
    for deed in deeds[-limit:]:
        typer.echo(deed)


async def _each(letters: Sequence[DeadLetter]) -> AsyncIterator[DeadLetter]:
    for letter in letters:
        yield letter


def _summarize(counts: Counter[tuple[str, str]], *, shown: int) -> None:
    older = counts.total() - shown
    typer.echo(f"{counts.total()} dead letters" + (f", {older} older not shown (--limit)" if older else ""))
    for (topic, why), number in counts.most_common():
        typer.echo(f"{number:>8}  {topic}  {text.visible(why)}")


def _instant(since: str | None) -> datetime | None:
    try:
        return None if since is None else instant(since, now=datetime.now(UTC))
    except AskedWrongly as error:
        fail(str(error), USAGE)


def _operator(name: str, because: str) -> Operator:
    if not name.strip():
        fail("say who you are with --as: it is noted", USAGE)
    return Operator(name.strip()[:_WORDS_MAX], because[:_WORDS_MAX])
