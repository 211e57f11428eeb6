"""Writes the description of an application from its routes and from what is declared of them."""

import inspect
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from app.openapi.operations import JSON, OPERATIONS, Operation
from app.openapi.parameters import PARAMETERS, Parameter
from render.job import RENDERER_VERSION

#: What any address can answer, whoever asks for what.
_ALWAYS = (400, 403, 404, 405, 413, 429, 502, 503, 504)
_METHODS = ("GET", "POST", "DELETE")
_ERROR = {"$ref": "#/components/schemas/Error"}
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "message", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "One of the types of docs/reference/errors.md."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence."},
        "message": {"type": "string", "description": "The same sentence."},
        "request_id": {"type": "string"},
        "parameter": {"type": "string", "description": "The parameter to blame."},
    },
}
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
    "key": {"type": "apiKey", "in": "header", "name": "X-OMERO-Session-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def describe(app: Flask) -> dict[str, Any]:
    """Give the OpenAPI 3.1 description of all addresses, methods, parameters and answers."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = OPERATIONS[rule.endpoint]
        view = app.view_functions[rule.endpoint]
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        asked = set(_METHODS) & (rule.methods or set()) or {"OPTIONS"}
        for method in sorted(asked):
            told = _operation(operation, rule, method, inspect.getdoc(view) or "")
            paths.setdefault(path, {})[method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blitzrender",
            "version": RENDERER_VERSION,
            "description": "Renders images of OMERO: webgateway's addresses and more.",
            "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"},
        },
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR_SCHEMA}, "securitySchemes": _SECURITY},
        "security": [{}, *({name: []} for name in _SECURITY)],
    }


def operations_by_tag(
    document: Mapping[str, Any],
) -> list[tuple[str, list[tuple[str, str, Mapping[str, Any]]]]]:
    """Give (tag, [(path, method, operation)]) of a description, in the order of the tags."""
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((path, method, operation))
    return sorted(by_tag.items())


def _operation(operation: Operation, rule: Rule, method: str, text: str) -> dict[str, Any]:
    parameters = [PARAMETERS[key] for key in operation.parameters]
    told: dict[str, Any] = {
        "operationId": _operation_id(rule, method),
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": text.split("\n")[0],
        "parameters": [*_path_parameters(rule), *_query_parameters(parameters)],
        "responses": _responses(operation),
    }
    if method == "POST" and operation.bodies:
        told["requestBody"] = {"content": {body: _form(parameters) for body in operation.bodies}}
    if not operation.private:
        told["security"] = [{}]
    return told


def _operation_id(rule: Rule, method: str) -> str:
    plain = re.sub(r"<(?:\w+:)?(\w+)>", r"\1", rule.rule).strip("/")
    return f"{method.lower()}_{re.sub(r'[^A-Za-z0-9]+', '_', plain) or 'index'}"


def _path_parameters(rule: Rule) -> Iterable[dict[str, Any]]:
    for converter, name in re.findall(r"<(?:(\w+):)?(\w+)>", rule.rule):
        schema: Mapping[str, Any] = {"type": "string", "minLength": 1}
        if converter == "number":
            schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(parameters: Iterable[Parameter]) -> Iterable[dict[str, Any]]:
    return [one.described() for one in parameters if one.place == "query"]


def _form(parameters: Iterable[Parameter]) -> dict[str, Any]:
    """Give what a POST may send: what stands in a query may stand in its form, too."""
    properties = {one.name: one.schema | {"description": one.text} for one in parameters}
    return {"schema": {"type": "object", "properties": properties}}


def _responses(operation: Operation) -> dict[str, Any]:
    well = {"description": "As asked for.", "content": {media: {} for media in operation.answers}}
    responses: dict[str, Any] = {"200": well, "304": {"description": "The client holds it."}}
    if operation.ranges:
        responses["206"] = well | {"description": "The part that was asked for."}
    if 302 in operation.statuses:
        responses["302"] = {"description": "Goes on elsewhere."}
    if 202 in operation.statuses:
        told = {"description": "It takes longer; where to ask again.", "content": {JSON: {}}}
        responses["202"] = told
    private = (401, 302) if operation.private else ()
    sent = (408,) if operation.bodies else ()
    for status in sorted({*_ALWAYS, *operation.statuses, *private, *sent} - {202, 302}):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {JSON: {"schema": _ERROR}},
        }
    if operation.private:
        responses["302"] = {"description": "Nobody is logged in: goes on to the login page."}
    return responses
