import json
import time
from typing import Any

import httpx
import pytest

from .merchant import Merchant, eventually

GRAPHQL = "/admin/api/2026-10/graphql.json"
FACTS = "query Facts { shop { name } }"
PAGE = """
query Page($first: Int!, $after: String) {
  customers(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
}
"""
VARIANTS = """
query Variants($id: ID!, $first: Int!, $after: String) {
  product(id: $id) { variants(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }
}
"""
BULK = """
mutation Bulk {
  bulkOperationRunQuery(
    query: "{ orders { edges { node { id lineItems { edges { node { id } } } } } } }"
    groupObjects: false
  ) {
    bulkOperation { id }
    userErrors { message }
  }
}
"""


def arm(acme: Merchant, *faults: dict[str, Any]) -> None:
    answer = acme.admin.post("faults", json=faults)
    assert answer.status_code == 201, answer.text


def signed(token: str) -> dict[str, str]:
    return {"X-Shopify-Access-Token": token}


def bulk_path(acme: Merchant) -> str:
    """The path of a finished bulk file with orders and their lines."""
    token = acme.install("read_orders,read_all_orders")["access_token"]
    started = acme.graphql(token, BULK).json()["data"]["bulkOperationRunQuery"]["bulkOperation"]

    def address() -> str | None:
        operations = acme.look()["bulkOperations"]
        return next((one["url"] for one in operations if one["id"] == started["id"]), None)

    return httpx.URL(eventually(address)).path


def arm_file(acme: Merchant, path: str, effect: str, **fields: Any) -> None:
    acme.http.post("/_admin/faults", json=[{"path": path, "effect": effect, **fields}])


def test_a_share_strikes_again_and_again_until_it_is_cleared(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    runs = []
    for _ in range(2):
        arm(acme, {"operation": "Facts", "status": 503, "share": 0.5, "seed": 3, "skip": 1})
        runs.append([acme.graphql(token, FACTS).status_code for _ in range(40)])
        acme.admin.delete("faults")

    assert runs[0] == runs[1]
    assert runs[0][0] == 200
    assert 10 <= runs[0].count(503) <= 30
    assert acme.graphql(token, FACTS).status_code == 200


def test_a_share_that_lets_a_request_pass_leaves_it_to_the_next_fault(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"path": "/graphql.json", "share": 0.0}, {"path": "/graphql.json", "status": 502})

    assert acme.graphql(token).status_code == 502


def test_a_replaced_answer_hides_what_the_request_did(acme: Merchant) -> None:
    first = acme.install()["refresh_token"]
    before = len(acme.http.get("/_admin/secrets").json()["issued"])
    replaced = {"effect": "replaced", "status": 520, "text": "<html>origin error</html>"}
    arm(acme, {"path": "/admin/oauth/access_token", **replaced, "headers": {"Content-Type": "text/html"}})

    answer = acme.token_call(grant_type="refresh_token", refresh_token=first)

    issued = acme.http.get("/_admin/secrets").json()["issued"][before:]
    assert (answer.status_code, answer.text) == (520, "<html>origin error</html>")
    assert answer.headers.get_list("content-type") == ["text/html"]
    assert sorted(value[:6] for value in issued) == ["shpat_", "shprt_"]
    assert acme.admin.get("calls").json()["calls"][-1]["status"] == 520


def test_a_page_of_html_comes_instead_of_the_effect(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(
        acme,
        {"path": "/graphql.json", "effect": "html"},
        {"path": "/graphql.json", "effect": "html", "status": 503},
    )

    answers = [acme.graphql(token, "mutation { appUninstall { userErrors { message } } }") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 503]
    assert all(answer.headers["content-type"].startswith("text/html") for answer in answers)
    assert answers[0].text.startswith("<!DOCTYPE html>")
    assert acme.look()["installation"] is not None


def test_an_answer_drips(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"operation": "Facts", "effect": "drip", "delay_seconds": 0.4})

    with acme.shop.stream("POST", GRAPHQL, json={"query": FACTS}, headers=signed(token)) as answer:
        headers_came = time.monotonic()
        parts = list(answer.iter_raw())
    spread = time.monotonic() - headers_came

    assert json.loads(b"".join(parts))["data"] == {"shop": {"name": "Acme"}}
    assert len(parts) >= 5
    assert spread >= 0.2


def test_a_bulk_file_drips_too(acme: Merchant) -> None:
    path = bulk_path(acme)
    whole = acme.http.get(path).content
    arm_file(acme, path, "drip", delay_seconds=0.2)
    started = time.monotonic()

    answer = acme.http.get(path)

    assert answer.content == whole
    assert time.monotonic() - started >= 0.2


def test_an_answer_says_gzip_and_is_none(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"path": "/graphql.json", "effect": "corrupt_gzip"})

    with pytest.raises(httpx.DecodingError):
        acme.graphql(token)


def test_a_gzip_stream_ends_early(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"path": "/graphql.json", "effect": "corrupt_gzip", "after_bytes": 30})

    with acme.shop.stream("POST", GRAPHQL, json={"query": FACTS}, headers=signed(token)) as answer:
        raw = b"".join(answer.iter_raw())

    assert (answer.headers["content-encoding"], answer.headers["content-length"]) == ("gzip", "30")
    assert (len(raw), raw[:2]) == (30, b"\x1f\x8b")


@pytest.mark.parametrize("has_cursor", [False, True])
def test_a_page_leads_back_to_itself(acme: Merchant, has_cursor: bool) -> None:
    token = acme.install()["access_token"]
    first = acme.graphql(token, PAGE, {"first": 5}).json()["data"]["customers"]
    after = first["pageInfo"]["endCursor"] if has_cursor else None
    arm(acme, {"operation": "query Page", "effect": "repeat_cursor"})

    page = acme.graphql(token, PAGE, {"first": 100, "after": after}).json()["data"]["customers"]

    assert page["pageInfo"] == {"hasNextPage": True, "endCursor": after}
    assert len(page["nodes"]) == 20 - (5 if has_cursor else 0)


def test_a_page_below_a_record_leads_back_to_itself(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    variables = {"id": acme.truth("products")[0]["id"], "first": 250}
    arm(acme, {"effect": "repeat_cursor"})

    page = acme.graphql(token, VARIANTS, variables).json()["data"]["product"]["variants"]

    assert page["pageInfo"] == {"hasNextPage": True, "endCursor": None}


def test_a_page_lacks_nodes_and_goes_on_as_if_it_had_them(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    whole = acme.graphql(token, PAGE, {"first": 5}).json()["data"]["customers"]
    arm(acme, {"operation": "query Page", "effect": "missing_nodes", "nodes": 2})

    page = acme.graphql(token, PAGE, {"first": 5}).json()["data"]["customers"]

    assert page == {"nodes": whole["nodes"][2:], "pageInfo": whole["pageInfo"]}
    assert acme.graphql(token, PAGE, {"first": 5}).json()["data"]["customers"] == whole


def test_a_bulk_file_ends_on_a_line_and_looks_whole(acme: Merchant) -> None:
    path = bulk_path(acme)
    whole = acme.http.get(path).content
    arm_file(acme, path, "truncate_lines")

    answer = acme.http.get(path, headers={"Range": "bytes=10-"})

    assert (answer.status_code, int(answer.headers["content-length"])) == (200, len(answer.content))
    assert whole.startswith(answer.content)
    assert answer.content.endswith(b"\n")
    assert answer.content.count(b"\n") == whole.count(b"\n") // 2
    assert acme.http.get(path).content == whole


def test_a_bulk_file_lacks_parents_of_its_children(acme: Merchant) -> None:
    path = bulk_path(acme)
    whole = set(acme.http.get(path).content.splitlines())
    arm_file(acme, path, "missing_parents")

    answer = acme.http.get(path)

    lines = answer.content.splitlines()
    records = [json.loads(line) for line in lines]
    roots = {record["id"] for record in records if "__parentId" not in record}
    orphans = {record["__parentId"] for record in records if "__parentId" in record} - roots
    assert set(lines) < whole
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert (len(roots), len(orphans)) == (15, 15)


def test_a_shops_faults_strike_its_own_bulk_files_only(acme: Merchant, address: str) -> None:
    path = bulk_path(acme)
    with Merchant(address, "other") as other:
        other.create()
        arm(other, {"path": "/bulk/", "status": 403})
        untouched = acme.http.get(path)
        arm(acme, {"path": "/bulk/", "status": 403})

        struck = acme.http.get(path)

        left = [merchant.admin.get("faults").json()["faults"] for merchant in (acme, other)]
    assert (untouched.status_code, struck.status_code) == (200, 403)
    assert [len(faults) for faults in left] == [0, 1]


def test_faults_of_files_and_pages_wait_for_a_request_of_their_kind(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    faults = [{"effect": "truncate_lines"}, {"effect": "missing_parents"}, {"effect": "repeat_cursor"}]
    arm(acme, *faults)

    acme.shop.get("/admin/oauth/access_scopes.json", headers=signed(token))
    acme.graphql(token)

    left = [fault["effect"] for fault in acme.admin.get("faults").json()["faults"]]
    assert left == ["truncate_lines", "missing_parents"]


def test_a_request_is_sent_elsewhere(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"path": "/graphql.json", "status": 302, "headers": {"Location": "https://elsewhere.example/"}})

    answer = acme.graphql(token)

    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.example/")


@pytest.mark.parametrize("pause", [None, "2.5", "99999999999", "soon"])
def test_too_many_requests_come_with_any_retry_after(acme: Merchant, pause: str | None) -> None:
    token = acme.install()["access_token"]
    arm(acme, {"path": "/graphql.json", "status": 429, "headers": {"Retry-After": pause} if pause else {}})

    answer = acme.graphql(token)

    assert (answer.status_code, answer.headers.get("retry-after")) == (429, pause)


def test_an_answer_in_raw_text_has_the_type_it_was_given(acme: Merchant) -> None:
    token = acme.install()["access_token"]
    path = {"path": "/graphql.json"}
    arm(acme, {**path, "status": 200, "text": '{"data":', "headers": {"Content-Type": "application/json"}},
        {**path, "text": "Bad gateway"}, {**path, "body": "a JSON string"})  # fmt: skip

    answers = [acme.graphql(token) for _ in range(3)]

    assert [answer.text for answer in answers] == ['{"data":', "Bad gateway", '"a JSON string"']
    types = [answer.headers["content-type"] for answer in answers]
    assert types == ["application/json", "text/plain; charset=utf-8", "application/json"]


def test_a_fault_has_one_body_only(acme: Merchant) -> None:
    answer = acme.admin.post("faults", json=[{"text": "a", "body": "b"}])

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
