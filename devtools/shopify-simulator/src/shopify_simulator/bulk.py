"""Bulk operations: a query that runs in the background and leaves a JSONL file.

shopify.dev/docs/api/usage/bulk-operations/queries
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import structlog

from shopify_simulator.graphql.access import has_scope
from shopify_simulator.graphql.bulk_rules import InvalidBulkQuery, read_bulk_query
from shopify_simulator.graphql.context import Execution, RequestContext
from shopify_simulator.graphql.lists import Listing, read_search
from shopify_simulator.graphql.projection import PARENT_ID, BulkPlan, Projection, compile_plan
from shopify_simulator.graphql.protected import MASKS, denies
from shopify_simulator.shop.model import RESOURCES, AppInstallation, Record, Resource, Shop, gid, timestamp

ACTIVE_STATUSES = {"CREATED", "RUNNING", "CANCELING"}
CONCURRENT_MAX = 5
URL_LIFETIME = timedelta(days=7)
BLOCK_SIZE = 200
JOIN_SECONDS = 5.0

encoder = msgspec.json.Encoder()
log = structlog.get_logger()
OnFinish = Callable[[Shop, AppInstallation, Record], None]


def _ignore(*_: Any) -> None:
    return None


class _Failed(Exception):
    """The run ends as FAILED with this error code."""


class _Canceled(Exception):
    """The run was canceled."""


@dataclass(slots=True)
class _Fault:
    error_code: str
    after_objects: int


@dataclass(slots=True)
class _Run:
    """One operation under way: its frozen shop, its plan and where it writes."""

    context: RequestContext
    live_shop: Shop
    resource: Resource
    plan: BulkPlan
    operation: Record
    token: str
    path: Path
    group_objects: bool
    fault: _Fault | None
    canceled: threading.Event = field(default_factory=threading.Event)


class BulkRunner:
    """Runs bulk queries in threads, one at a time on the processor, and keeps their files."""

    def __init__(
        self,
        folder: Path,
        *,
        minimum_seconds: float = 0.0,
        url_lifetime: timedelta = URL_LIFETIME,
        concurrent_max: int = CONCURRENT_MAX,
        children_first: bool = False,
        on_finish: OnFinish = _ignore,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.minimum_seconds = minimum_seconds
        self.url_lifetime = url_lifetime
        self.concurrent_max = concurrent_max
        self.children_first = children_first
        self.on_finish = on_finish
        self._faults: deque[_Fault] = deque()
        self._runs: dict[str, _Run] = {}
        self._files: dict[str, list[Path]] = {}
        self._finished_at: dict[str, datetime] = {}
        self._threads: set[threading.Thread] = set()
        self._processor = threading.Lock()

    def start(
        self, context: RequestContext, query: str, *, group_objects: bool = False
    ) -> tuple[Record | None, Record | None]:
        """Begin an operation; answer it, or the user error. The data is that of this moment."""
        try:
            plan = compile_plan(*read_bulk_query(query))
        except InvalidBulkQuery as error:
            return None, _user_error("INVALID", str(error))
        resource = next((one for one in RESOURCES if one == plan.root_name), None)
        if resource is None:
            return None, _user_error("INVALID", f"Bulk queries over {plan.root_name} are not supported.")
        active = [o for o in context.app.bulk_operations.values() if o["status"] in ACTIVE_STATUSES]
        if len(active) >= self.concurrent_max:
            return None, self._limit_error(active[-1])
        operation = _new_operation(context, query)
        token = secrets.token_urlsafe(24)
        run = _Run(
            replace(context, shop=context.shop.snapshot()), context.shop, resource, plan, operation, token,
            self.folder / f"{token}.jsonl", group_objects, self._faults.popleft() if self._faults else None,
        )  # fmt: skip
        context.app.bulk_operations[operation["id"]] = operation
        self._runs[operation["id"]] = run
        self._files.setdefault(context.shop.domain, []).append(run.path)
        answer = dict(operation)
        thread = threading.Thread(target=self._work, args=(run,), name=f"bulk-{token[:6]}", daemon=True)
        self._threads.add(thread)
        thread.start()
        return answer, None

    def cancel(self, app: AppInstallation, identifier: str) -> tuple[Record | None, str | None]:
        """Ask an operation to stop; answer it, or what is wrong."""
        operation = app.bulk_operations.get(identifier)
        if operation is None:
            return None, "Bulk operation does not exist"
        if operation["status"] not in ACTIVE_STATUSES:
            return operation, f"A bulk operation cannot be canceled when it is {operation['status'].lower()}"
        operation["status"] = "CANCELING"
        answer = dict(operation)
        run = self._runs.get(identifier)
        if run is not None:
            run.canceled.set()
        return answer, None

    def fail_next(self, error_code: str = "INTERNAL_SERVER_ERROR", after_objects: int = 0) -> None:
        """Let the next operation fail after so many objects; what was written becomes partial data."""
        self._faults.append(_Fault(error_code, after_objects))

    def open_file(self, token: str) -> Path | None:
        """The file behind the URL of a finished operation."""
        path = self.folder / f"{token}.jsonl"
        return path if path.parent == self.folder and path.is_file() else None

    def domain_of(self, token: str) -> str | None:
        """The shop whose records are in a file."""
        path = self.folder / f"{token}.jsonl"
        return next((domain for domain, paths in self._files.items() if path in paths), None)

    def has_expired(self, token: str, now: datetime) -> bool:
        """Whether the address of a result has outlived its time, which counts from the end of the operation."""
        finished_at = self._finished_at.get(token)
        return finished_at is not None and now >= finished_at + self.url_lifetime

    def live_address(self, url: str | None, now: datetime) -> str | None:
        """The address of a result, or null once it has expired."""
        if url is None or self.has_expired(url.rpartition("/")[2].removesuffix(".jsonl"), now):
            return None
        return url

    def forget(self, app: AppInstallation) -> None:
        """Stop and forget the operations of an installation that ends."""
        for run in list(self._runs.values()):
            if run.context.app is app:
                run.canceled.set()
        app.bulk_operations.clear()

    def remove_files(self, domain: str) -> None:
        """Delete the files of a shop that is taken away."""
        for path in self._files.pop(domain, []):
            path.unlink(missing_ok=True)
            self._finished_at.pop(path.stem, None)

    def close(self) -> None:
        """Stop every run and wait for the threads."""
        for run in list(self._runs.values()):
            run.canceled.set()
        for thread in list(self._threads):
            thread.join(JOIN_SECONDS)

    def _limit_error(self, active: Record) -> Record:
        if self.concurrent_max == 1:
            message = f"A bulk query operation for this app and shop is already in progress: {active['id']}."
            return _user_error("OPERATION_IN_PROGRESS", message)
        message = f"This app already runs {self.concurrent_max} bulk query operations on this shop."
        return _user_error("LIMIT_REACHED", message)

    def _work(self, run: _Run) -> None:
        started = time.monotonic()
        try:
            self._write(run)
            left = self.minimum_seconds - (time.monotonic() - started)
            if run.canceled.wait(max(0.0, left)):
                raise _Canceled
            self._finish(run, "COMPLETED", None)
        except _Canceled:
            self._finish(run, "CANCELED", None)
        except _Failed as failure:
            self._finish(run, "FAILED", str(failure))
        except Exception:
            log.exception("bulk_operation_failed", operation=run.operation["id"])
            self._finish(run, "FAILED", "INTERNAL_SERVER_ERROR")
        finally:
            self._runs.pop(run.operation["id"], None)
            self._threads.discard(threading.current_thread())

    def _finish(self, run: _Run, status: str, error_code: str | None) -> None:
        size = run.path.stat().st_size if run.path.exists() else 0
        url = f"{run.context.base_url}/bulk/{run.token}.jsonl" if size and status != "CANCELED" else None
        if url is None:
            run.path.unlink(missing_ok=True)
        now = run.context.now()
        self._finished_at[run.token] = now
        run.operation.update(
            completedAt=timestamp(now),
            errorCode=error_code,
            fileSize=str(size) if status == "COMPLETED" else None,
            url=url if status == "COMPLETED" else None,
            partialDataUrl=url if status == "FAILED" else None,
            status=status,
        )
        self.on_finish(run.live_shop, run.context.app, dict(run.operation))

    def _write(self, run: _Run) -> None:
        if run.operation["status"] == "CREATED":
            run.operation["status"] = "RUNNING"
        if not all(has_scope(run.context.scopes, scope) for scope in run.plan.scopes):
            raise _Failed("ACCESS_DENIED")
        if run.resource in MASKS and denies(run.context.shop):
            raise _Failed("ACCESS_DENIED")
        execution = Execution(run.context)
        search = read_search(execution, run.resource, run.plan.arguments.get("query"))
        records = Listing(run.context, run.resource, search).all()
        with run.path.open("wb") as file:
            while self._write_block(run, execution, file, records):
                time.sleep(0)

    def _write_block(
        self, run: _Run, execution: Execution, file: BinaryIO, records: Iterator[Record]
    ) -> bool:
        """Write the next roots with their children; whether there were any."""
        with self._processor:
            roots = list(islice(records, BLOCK_SIZE))
            block = _Lines(execution, group_objects=run.group_objects)
            for root in roots:
                block.add(run.plan.projection, root)
            lines = block.in_order(children_first=self.children_first)
            file.write(encoder.encode_lines(lines))
        run.operation["objectCount"] = str(int(run.operation["objectCount"]) + len(lines))
        run.operation["rootObjectCount"] = str(int(run.operation["rootObjectCount"]) + len(roots))
        if run.fault is not None and int(run.operation["objectCount"]) >= run.fault.after_objects:
            raise _Failed(run.fault.error_code)
        if run.canceled.is_set():
            raise _Canceled
        return bool(roots)


class _Lines:
    """The lines of one block of roots. Grouped: each root followed by its children; else roots and children apart."""

    def __init__(self, execution: Execution, *, group_objects: bool) -> None:
        self.execution = execution
        self.roots: list[msgspec.Struct] = []
        self.children = self.roots if group_objects else []

    def add(self, projection: Projection, record: Record, parent_id: str | None = None) -> None:
        """Add a node, then the nodes of its connections."""
        chosen = projection.of(record)
        copied = chosen.copy(record, self.execution)
        if parent_id is None:
            self.roots.append(copied)
        else:
            setattr(copied, PARENT_ID, parent_id)
            self.children.append(copied)
        for child_projection, child in chosen.children(record):
            self.add(child_projection, child, record["id"])

    def in_order(self, *, children_first: bool) -> list[msgspec.Struct]:
        """All lines; unless grouped their order is not promised."""
        if self.children is self.roots:
            return self.roots
        return self.children + self.roots if children_first else self.roots + self.children


def _new_operation(context: RequestContext, query: str) -> Record:
    return {
        "id": gid("BulkOperation", next(context.app.numbers)),
        "type": "QUERY",
        "status": "CREATED",
        "errorCode": None,
        "query": query,
        "objectCount": "0",
        "rootObjectCount": "0",
        "fileSize": None,
        "url": None,
        "partialDataUrl": None,
        "createdAt": timestamp(context.now()),
        "completedAt": None,
    }


def _user_error(code: str, message: str) -> Record:
    return {"code": code, "field": ["query"], "message": message}
