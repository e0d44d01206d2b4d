"""`shopctl dlq` on a real broker: what it shows, what it replays, and what it leaves on record."""

import json
from datetime import timedelta
from functools import partial

import pytest

from shopctl.domain.replaying import REPLAYABLE
from sync_common.bus import DeadLetter, Rejected
from sync_common.bus.dead_letters import send_dead_letters
from sync_common.contracts.events import DeadLetterBodyViewed, DeadLetterReplayed
from sync_common.contracts.topics import (
    COMPLIANCE_TOPIC,
    DEAD_LETTER_RETENTION_MS,
    DEAD_LETTERS_AUDITED_TOPIC,
    RECORD_WRITER,
    TOPICS,
    dead_letter_topic,
)

from .world import LETTERS, SHOP, TOPIC, World, origins

FIRST, SECOND = f"{LETTERS}/0/0", f"{LETTERS}/0/1"


async def test_list_tells_where_and_why_and_never_shows_a_body(world: World) -> None:
    await world.set_aside("1")
    await world.set_aside("2", reason="cannot be read", error="KeyError")
    await world.set_aside("3")

    listed = await world.shopctl("list")

    lines = listed.stdout.splitlines()
    assert listed.exit_code == 0
    assert f"{FIRST}  20" in lines[0]
    assert f"from {TOPIC}/3/1  {SHOP}/1 orders/1  InvalidRecord: orders.currency: missing" in lines[0]
    assert "somebody" not in listed.output
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "3 dead letters",
        f"2 {LETTERS} InvalidRecord: orders.currency: missing",
        f"1 {LETTERS} KeyError: orders.currency: cannot be read",
    ]


async def test_list_is_narrowed_and_cut_to_the_newest(world: World) -> None:
    for record_id in ("1", "2", "3"):
        await world.set_aside(record_id)
    await world.set_aside("4", error="KeyError", reason="cannot be read")

    by_error = await world.shopctl("list", "--topic", TOPIC, "--error", "KeyError")
    by_reason = await world.shopctl(
        "list", "--consumer", RECORD_WRITER, "--reason", "currency", "--limit", "1"
    )
    of_another = await world.shopctl("list", "--consumer", "notifier")
    later = await world.shopctl("list", "--since", "2999-01-01")

    assert f"{SHOP}/4" in by_error.stdout
    assert "\n1 dead letters\n" in by_error.stdout
    assert by_reason.stdout.splitlines()[0].startswith(f"{LETTERS}/0/2 ")
    assert by_reason.stdout.splitlines()[1] == "3 dead letters, 2 older not shown (--limit)"
    assert of_another.stdout == later.stdout == "0 dead letters\n"


async def test_show_tells_everything_but_the_body_and_leaves_no_trace(world: World) -> None:
    await world.set_aside("1")

    shown = await world.shopctl("show", FIRST)

    assert shown.exit_code == 0
    for told in (f"came from    {TOPIC}/3/1", "reason       orders.currency: missing", "ce_observedat: 20"):
        assert told in shown.stdout
    assert "somebody" not in shown.output
    assert await world.read(DEAD_LETTERS_AUDITED_TOPIC) == []


async def test_body_is_shown_on_request_and_the_look_is_noted_without_it(world: World) -> None:
    await world.set_aside("1")

    shown = await world.shopctl("show", FIRST, "--body", "--because", "which field is missing?")

    assert '{"email":"somebody@example.com"}' in shown.stdout
    [noted] = await world.read(DEAD_LETTERS_AUDITED_TOPIC)
    event = noted.event(DeadLetterBodyViewed)
    assert (event.operator, event.dead_letter, event.came_from) == ("ada", FIRST, f"{TOPIC}/3/1")
    assert (event.record, event.because) == (f"{SHOP}/1", "which field is missing?")
    assert b"somebody" not in (noted.value or b"")


async def test_body_is_not_shown_where_the_look_cannot_be_noted(world: World) -> None:
    await world.set_aside("1")

    nobody = await world.shopctl("show", FIRST, "--body", env={"USER": ""})

    assert (nobody.exit_code, nobody.stdout) == (2, "")
    assert "--as" in nobody.stderr


async def test_replay_brings_the_record_back_as_it_was(world: World) -> None:
    record = await world.set_aside("1")

    done = await world.shopctl("replay", FIRST, "--as", "grace", "--because", "the field is optional now")

    assert done.exit_code == 0, done.output
    [back] = await world.replayed()
    assert (back.key, back.value) == (record.key, record.value)
    assert back.headers == [*record.headers, ("replayed_from", FIRST.encode())]
    [noted] = await world.read(DEAD_LETTERS_AUDITED_TOPIC)
    event = noted.event(DeadLetterReplayed)
    assert (event.operator, event.dead_letter, event.because) == ("grace", FIRST, "the field is optional now")


async def test_replay_takes_the_way_that_producers_take(world: World) -> None:
    """By the key, so that it lies behind what it must be in order with; a mark has none and means its partition."""
    for record_id in range(12):
        record = await world.set_aside(str(record_id))
        await world.producer.send(TOPIC, record.key, b"as it was sent", record.headers)
    await world.set_aside_mark(5)

    await world.shopctl("replay", "--topic", TOPIC)

    found = await world.replayed()
    found = await world.replayed()
    place = {message.key: message.partition for message in found if message.value == b"as it was sent"}
    back = [message for message in found if message.value != b"as it was sent"]
    assert {message.key: message.partition for message in back} == {**place, None: 5}
    assert len(set(place.values())) > 1


async def test_replay_of_a_topic_takes_what_matches_and_a_dry_run_nothing(world: World) -> None:
    await world.set_aside("1")
    await world.set_aside("2", error="KeyError", reason="cannot be read")
    await world.set_aside("3")

    dry = await world.shopctl("replay", "--topic", TOPIC, "--error", "InvalidRecord", "--dry-run")
    assert await world.replayed() == await world.read(DEAD_LETTERS_AUDITED_TOPIC) == []
    real = await world.shopctl("replay", "--topic", TOPIC, "--error", "InvalidRecord")

    assert dry.stdout.splitlines()[0] == f"would be replayed  {FIRST}  to {TOPIC}"
    assert dry.stdout.splitlines()[-1].startswith("2 would be replayed, 0 skipped")
    assert real.stdout.splitlines()[-1].startswith("2 replayed, 0 skipped")
    assert origins(await world.replayed()) == [FIRST, f"{LETTERS}/0/2"]


async def test_what_was_replayed_is_skipped_told_and_repeated_only_on_request(world: World) -> None:
    await world.set_aside("1")
    await world.set_aside("2")
    await world.shopctl("replay", FIRST)

    more = await world.shopctl("replay", FIRST, SECOND, "--as", "grace")
    listed = await world.shopctl("list")
    assert origins(await world.replayed()) == [FIRST, SECOND]
    await world.shopctl("replay", FIRST, "--again")

    assert more.stdout.splitlines()[0].startswith(f"skipped  {FIRST}  (ada replayed it at 20")
    assert more.stdout.splitlines()[-1].startswith("1 replayed, 1 skipped")
    assert more.exit_code == 0
    assert [line.split("  ")[-1][-3:] for line in listed.stdout.splitlines()[:2]] == ["ada", "ace"]
    assert origins(await world.replayed()) == [FIRST, FIRST, SECOND]


async def test_dead_letter_of_a_replay_says_so_and_can_be_replayed_itself(world: World) -> None:
    await world.set_aside("1")
    await world.shopctl("replay", FIRST)
    await send_dead_letters(
        world.producer, RECORD_WRITER, [((await world.replayed())[0], Rejected("still bad"))]
    )

    listed = await world.shopctl("list")
    all_of_it = await world.shopctl("replay", "--topic", LETTERS)

    assert f"Rejected: still bad  replay of {FIRST}" in listed.stdout.splitlines()[1]
    assert all_of_it.stdout.splitlines()[-1].startswith("1 replayed, 1 skipped")
    assert origins(await world.replayed()) == [FIRST, SECOND]


async def test_trail_tells_who_did_what(world: World) -> None:
    await world.set_aside("1")
    await world.shopctl("show", FIRST, "--body")
    await world.shopctl("replay", FIRST, "--as", "grace", "--because", "the field is optional now")

    told = (await world.shopctl("audit")).stdout.splitlines()
    latest = (await world.shopctl("audit", "--limit", "1")).stdout.splitlines()

    assert f"ada viewed the body of {FIRST}  {SHOP}/1" in told[0]
    assert f"grace replayed {FIRST}  {SHOP}/1: the field is optional now" in told[1]
    assert latest == told[1:]


async def test_personal_data_is_not_kept_alive_by_replays(world: World) -> None:
    """Each replay would keep a body for the days of its topic and of a dead letter again, past Shopify's deadline."""
    old = REPLAYABLE + timedelta(hours=1)
    await world.set_aside("1", age=old)
    await world.set_aside("2", age=REPLAYABLE - timedelta(hours=1))
    await world.set_aside("3", age=old, topic=COMPLIANCE_TOPIC)
    demand = f"{dead_letter_topic(COMPLIANCE_TOPIC, RECORD_WRITER)}/0/0"

    done = await world.shopctl("replay", FIRST, SECOND, demand)

    assert done.exit_code == 1
    assert done.stdout.splitlines()[0].startswith(
        f"refused  {FIRST}  (it holds personal data and is 13 days old"
    )
    assert origins(await world.replayed()) == [SECOND]
    assert origins(await world.read(COMPLIANCE_TOPIC)) == [demand]


async def test_dead_letter_is_sent_nowhere_but_where_its_topic_says(world: World) -> None:
    message = await world.set_aside("1")
    strange = DeadLetter.from_message((await world.read(LETTERS))[0]).message
    headers = [
        (name, b"sync.requested.v1" if name == "dlq_topic" else value) for name, value in strange.headers
    ]
    await world.producer.send(LETTERS, message.key, b"{}", headers)

    done = await world.shopctl("replay", SECOND)

    assert (done.exit_code, await world.read("sync.requested.v1")) == (1, [])
    assert "came from sync.requested.v1" in done.stdout


async def test_record_that_somebody_put_there_by_hand_hides_no_dead_letter(world: World) -> None:
    await world.producer.send(LETTERS, b"key", b"by hand", [])
    await world.set_aside("1")

    assert "\n1 dead letters\n" in (await world.shopctl("list")).stdout
    assert "no headers of a dead letter" in (await world.shopctl("show", FIRST)).stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("show", f"{LETTERS}/0/7"), 1, "does not exist: the next one will be offset 1"),
        (("show", f"{LETTERS}/4/0"), 1, "has no partition 4"),
        (("show", f"{TOPIC}/0/0"), 2, "not a dead-letter topic"),
        (("replay", FIRST, f"{LETTERS}/0/7"), 1, "does not exist"),
        (("list", "--topic", "orders"), 2, "there is no topic orders"),
        (("list", "--since", "yesterday"), 2, "yesterday is no time"),
        (("replay",), 2, "name dead letters, or the --topic"),
        (("replay", FIRST, "--topic", TOPIC), 2, "name dead letters, or the --topic"),
        (("replay", FIRST, "--error", "KeyError"), 2, "choose among the dead letters of a --topic"),
    ],
)
async def test_what_cannot_be_done_is_said_and_not_begun(
    world: World, arguments: tuple[str, ...], status: int, said: str
) -> None:
    await world.set_aside("1")

    done = await world.shopctl(*arguments)

    assert (done.exit_code, done.stdout) == (status, "")
    assert said in done.stderr
    assert await world.replayed() == []


async def test_expired_dead_letter_is_told_from_one_that_never_was(world: World) -> None:
    for record_id in ("1", "2"):
        await world.set_aside(record_id)
    await world.expire(LETTERS, before=1)

    gone = await world.shopctl("show", FIRST)

    assert gone.exit_code == 1
    assert "has expired: the oldest kept is offset 1" in gone.stderr
    assert SECOND in (await world.shopctl("list")).stdout


async def test_kafka_that_is_away_is_named(world: World) -> None:
    done = await world.shopctl("list", desk=partial(world.desk, "127.0.0.1:1"))

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "shopctl: Kafka does not answer at 127.0.0.1:1\n"


async def test_cluster_without_our_topics_is_told_from_one_without_dead_letters(kafka_bootstrap: str) -> None:
    strange = World(kafka_bootstrap, "nowhere.")

    replay = await strange.shopctl("replay", "--topic", TOPIC)

    assert (replay.exit_code, replay.stdout) == (1, "")
    assert "there is no topic deadletters.audited.v1" in replay.stderr


async def test_large_dead_letters_are_replayed_in_bounded_portions(world: World) -> None:
    for record_id in range(5):
        await world.set_aside(str(record_id), body=json.dumps("x" * 7_000_000).encode())

    done = await world.shopctl("replay", "--topic", TOPIC)

    assert done.stdout.splitlines()[-1].startswith("5 replayed")
    assert len(await world.read(DEAD_LETTERS_AUDITED_TOPIC)) == 5
    assert sorted(len(message.value or b"") for message in await world.replayed()) == [7_000_002] * 5


def test_trail_outlives_the_dead_letters() -> None:
    assert TOPICS[DEAD_LETTERS_AUDITED_TOPIC].retention_ms > DEAD_LETTER_RETENTION_MS
