"""Shopify's client for Python, driven by lines of JSON: a step and what it needs come in, one answer goes out."""

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import shopify  # type: ignore[import-not-found]

answers, sys.stdout = sys.stdout, sys.stderr  # the client prints errors
domain, client_id, client_secret, redirect_uri, version = sys.argv[1:]
shopify.Session.setup(api_key=client_id, secret=client_secret)


def authorize(scopes):
    return shopify.Session(domain, version).create_permission_url(scopes, redirect_uri, "0a1b2c")


def exchange(callback):
    session = shopify.Session(domain, version)
    session.request_token(dict(parse_qsl(urlsplit(callback).query)))
    shopify.ShopifyResource.activate_session(session)
    return sorted(session.access_scopes)


def graphql(query, variables):
    return json.loads(shopify.GraphQL().execute(query, variables))["data"]


steps: dict[str, Callable[..., Any]] = {"authorize": authorize, "exchange": exchange, "graphql": graphql}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"value": steps[asked["step"]](**asked["given"])}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to read it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=answers, flush=True)
