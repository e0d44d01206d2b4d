"""The pages that a merchant sees: consent, the shop's admin, errors. Plain HTML, no scripts."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shopify_simulator.shop.model import RESOURCES, Record
from shopify_simulator.shops import Hosted, Sim

Page = dict[str, Any]
HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LATEST = 10
TITLE_FIELDS = ("displayName", "title", "name")

router = APIRouter()
templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def render(request: Request, template: str, page: Page, status: int = 200) -> Response:
    """Answer with a page; its links keep the way by which the shop was reached."""
    text = templates.get_template(template).render(root=request.scope["root_path"], **page)
    return HTMLResponse(text, status_code=status, headers=SECURITY_HEADERS)


def error_page(request: Request, title: str, message: str, status: int) -> Response:
    """Answer a person with what went wrong."""
    return render(request, "error.html", {"title": title, "message": message}, status)


@router.get("/")
async def index(request: Request, simulator: Sim) -> Response:
    """List the shops that there are, or lead into the one that was asked for."""
    if request.scope["shop_domain"] is not None:
        return RedirectResponse(f"{request.scope['root_path']}/admin", status_code=303)
    shops = [hosted.shop for hosted in simulator.shops.values()]
    return render(request, "index.html", {"shops": shops})


@router.get("/admin")
async def admin_home(request: Request, hosted: Hosted, simulator: Sim, cancelled: bool = False) -> Response:
    """Show a shop as its owner sees it."""
    page: Page = {
        "shop": hosted.shop,
        "app_name": simulator.settings.app_name,
        "installation": hosted.installation,
        "cancelled": cancelled,
        "counts": {resource: len(hosted.shop.records(resource)) for resource in RESOURCES},
    }
    return render(request, "home.html", page)


@router.get("/admin/{resource}")
async def admin_list(request: Request, hosted: Hosted, resource: str) -> Response:
    """Show the records of one kind that changed last."""
    if resource not in RESOURCES:
        return error_page(request, "Page not found", "The simulated admin has no such page.", 404)
    records = hosted.shop.records(resource)
    latest = [records[key] for _, key in records.sorted_by("updatedAt")[: -LATEST - 1 : -1]]
    rows = [(record["legacyResourceId"], title_of(record), record["updatedAt"]) for record in latest]
    page: Page = {"shop": hosted.shop, "resource": resource, "rows": rows, "count": len(records)}
    return render(request, "list.html", page)


@router.get("/admin/{resource}/{number}")
async def admin_record(request: Request, hosted: Hosted, resource: str, number: str) -> Response:
    """Show one record: where the app's "View in Shopify Admin" links lead."""
    record = _find(hosted.shop.records(resource), number) if resource in RESOURCES else None
    if record is None:
        return error_page(request, "Record not found", "It may have been deleted.", 404)
    plain = [(name, value) for name, value in record.items() if isinstance(value, str | int | bool)]
    page: Page = {"shop": hosted.shop, "resource": resource, "title": title_of(record), "fields": plain}
    return render(request, "record.html", page)


def title_of(record: Record) -> str:
    """What a person calls a record."""
    return next((str(record[name]) for name in TITLE_FIELDS if record.get(name)), str(record["id"]))


def _find(records: dict[int, Record], number: str) -> Record | None:
    return records.get(int(number)) if number.isascii() and number.isdecimal() else None
