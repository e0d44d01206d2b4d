"""`shopctl keys`: the master keys that seal the tokens."""

import typer

from shopctl.commands.running import fail, run
from shopctl.keys import OpenKeys, Rotated

app = typer.Typer(no_args_is_help=True, help="Master keys: seal everything by a new one.")


@app.callback()
def keys() -> None:
    """Keep `rotate` a command of its own group."""


@app.command()
def rotate(context: typer.Context) -> None:
    """Seal every installation's data key by the first master key. It may be stopped and begun again."""
    rotated = run(_rotate(context.obj.open_keys))
    for key_id, count in sorted(rotated.keys.items()):
        typer.echo(f"{count:>8}  sealed by {key_id}{' (now in use)' if key_id == rotated.key_id else ''}")
    if rotated.unreadable:
        fail(f"{rotated.unreadable} installations need a master key that the fetcher does not have", 1)
    if rotated.others:
        fail("a replica still seals by another key: restart it with the new setting, then rotate again", 1)
    typer.echo(f"{rotated.rewrapped} sealed anew; the other master keys can be taken out of the setting")


async def _rotate(open_keys: OpenKeys) -> Rotated:
    async with open_keys() as keys:
        return await keys.rotate()
