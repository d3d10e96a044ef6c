"""Signs users in by Google or Apple. It speaks HTTP alone: producers/sign_in.py does it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from producers.dependencies import SignInDep, limited_by_address
from producers.errors import RequestRefused
from producers.firebase import Session
from producers.problems import responses
from producers.rate_limit import Group
from producers.sign_in import Provider

router = APIRouter(
    prefix="/v1/auth",
    tags=["auth"],
    responses=responses(400, 413, 422, 429, 500, 501, 502, 503, 504),
    dependencies=[Depends(limited_by_address(Group.SIGN_IN))],
)

_REDIRECT = {
    "description": "Where the browser goes now",
    "headers": {"Location": {"schema": {"type": "string"}}},
}
Challenge = Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{43}$", description="S256 of the code_verifier")]
Text = Annotated[str, Query(max_length=512)]


class Code(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=16_384)]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]


class AppleAnswer(BaseModel):
    """The form that Apple lets the browser post; it holds more, such as the user's name."""

    state: Annotated[str, Field(max_length=16_384)]
    code: Annotated[str, Field(max_length=4096)] = ""
    error: Annotated[str, Field(max_length=512)] = ""


@router.get(
    "/{provider}/authorize",
    status_code=HTTPStatus.SEE_OTHER,
    response_class=Response,
    responses={303: _REDIRECT},
)
async def begin(
    sign_in: SignInDep,
    provider: Provider,
    redirect_uri: Text,
    code_challenge: Challenge,
    state: Text = "",
) -> Response:
    """Begin: the browser is sent to Google or Apple."""
    url = sign_in.begin(provider, redirect_uri=redirect_uri, challenge=code_challenge, app_state=state)
    return _to(url)


@router.get(
    "/google/callback", status_code=HTTPStatus.SEE_OTHER, response_class=Response, responses={303: _REDIRECT}
)
async def google_called_back(
    sign_in: SignInDep,
    state: Annotated[str, Query(max_length=16_384)],
    code: Annotated[str, Query(max_length=4096)] = "",
    error: Text = "",
) -> Response:
    """Google sends the browser back: it goes on to the app, with a code of ours or an error."""
    return _to(await sign_in.come_back(Provider.GOOGLE, sealed_state=state, code=code, error=error))


@router.post(
    "/apple/callback",
    status_code=HTTPStatus.SEE_OTHER,
    response_class=Response,
    responses={303: _REDIRECT},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": AppleAnswer.model_json_schema()}},
        }
    },
)
async def apple_called_back(sign_in: SignInDep, request: Request) -> Response:
    """Apple lets the browser post its answer: it goes on to the app, with a code of ours or an error."""
    answer = _read_form(await request.body())
    url = await sign_in.come_back(
        Provider.APPLE, sealed_state=answer.state, code=answer.code, error=answer.error
    )
    return _to(url)


@router.post("/token")
async def fetch(sign_in: SignInDep, response: Response, code: Code) -> Session:
    """The app exchanges its code, within a minute and once, for the user's Firebase session."""
    response.headers["Cache-Control"] = "no-store"
    return sign_in.fetch(code.code, verifier=code.code_verifier)


def _read_form(body: bytes) -> AppleAnswer:
    """Raises `RequestValidationError`, as FastAPI does for what it reads."""
    try:
        return AppleAnswer.model_validate(dict(parse_qsl(body.decode(), max_num_fields=20)))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from error
    except ValueError as error:
        raise RequestRefused("the body is not the form that Apple posts", status=400) from error


def _to(url: str) -> Response:
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={"Location": url, "Cache-Control": "no-store"})
