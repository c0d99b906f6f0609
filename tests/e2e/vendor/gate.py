"""Who may ask: a gate for each kind of login. A gate knows its secret, checks requests, serves its own token endpoint, and says
how a client logs in (`Gate.files`: names and contents of secret files)."""
import base64
import hashlib
import hmac
import json
import urllib.parse

from . import sigv4, spelling
from .message import Answer, refuse

TTL_US = 3600 * 1000000
USER, CLIENT, REGION, SERVICE = "meterd", "client-1", "eu-west-1", "s3"


class Gate:
    """none: everybody may."""

    def __init__(self, name, clock):
        self.name, self.clock = name, clock
        self.secret = f"{name} s3cret/+=&%"
        self.refused = 0

    @property
    def files(self):
        return {f"{self.name}.secret": self.secret}

    def check(self, request):
        """Raises Refused."""

    def revoke(self, request):
        """What the request showed is not known any more."""

    def token(self, request):
        refuse(404, "NotFound", request.path)


class Header(Gate):
    def check(self, request):
        if request.headers.get("authorization") != f"Bearer {self.secret}":
            refuse(401, "Unauthorized", "a wrong token", WWW_Authenticate="Bearer")


class Query(Gate):
    def check(self, request):
        if request.query.get("api_key") != self.secret:
            refuse(401, "Unauthorized", "a wrong key")


class Basic(Gate):
    user = USER

    def check(self, request):
        given = request.headers.get("authorization", "")
        wanted = base64.b64encode(f"{self.user}:{self.password()}".encode()).decode()
        if given != f"Basic {wanted}":
            refuse(401, "Unauthorized", "a wrong user or password", WWW_Authenticate='Basic realm="usage"')

    def password(self):
        return self.secret


class BasicKey(Basic):
    """A key as the user's name, and no password."""

    @property
    def user(self):
        return self.secret.replace(" ", "_")

    @property
    def files(self):
        return {f"{self.name}.secret": self.user}

    def password(self):
        return ""


class Tokens(Gate):
    """What oauth2 and login have in common: tokens that end. `number`: of tokens so far."""

    def __init__(self, name, clock):
        super().__init__(name, clock)
        self.tokens, self.number, self.ttl_us = {}, 0, TTL_US

    def issue(self):
        self.number += 1
        token = f"{self.name}.token/{self.number}+="
        self.tokens[token] = self.clock.now_us() + self.ttl_us
        return token

    def shown(self, request):
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def check(self, request):
        if self.tokens.get(self.shown(request), 0) <= self.clock.now_us():
            refuse(401, "TokenExpired", "the token has ended, or nobody knows it", WWW_Authenticate='Bearer error="invalid_token"')

    def revoke(self, request):
        self.tokens.pop(self.shown(request), None)


class OAuth2(Tokens):
    client = CLIENT

    def token(self, request):
        form = request.parameters()
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            user, _, password = (urllib.parse.unquote_plus(text) for text in base64.b64decode(basic[6:]).decode().partition(":"))
            form = {**form, "client_id": user, "client_secret": password}  # as RFC 6749 has it: escaped as in a form
        if form.get("client_id") != self.client or form.get("client_secret") != self.secret:
            return Answer.of_json({"error": "invalid_client"}, 401)
        return self.grant(form)

    def grant(self, form):
        if form.get("grant_type") != "client_credentials":
            return Answer.of_json({"error": "unsupported_grant_type"}, 400)
        return self.answer()

    def answer(self, **more):
        return Answer.of_json({"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.ttl_us // 1000000, **more},
                              Cache_Control="no-store")


class OAuth2Refresh(OAuth2):
    """Each refresh token is for one use: it ends when the access token that it brought is used first, or, where `burns_at_once`,
    with its own use."""

    def __init__(self, name, clock):
        super().__init__(name, clock)
        self.refresh, self.burns_at_once, self.burned = {f"{name}.refresh/0": None}, False, 0
        self.successor = {}  # access token → the refresh token that ends with its first use

    @property
    def files(self):
        return {**super().files, f"{self.name}.refresh": f"{self.name}.refresh/0"}

    def grant(self, form):
        old = form.get("refresh_token")
        if form.get("grant_type") != "refresh_token" or old not in self.refresh:
            return Answer.of_json({"error": "invalid_grant"}, 400)
        new = f"{self.name}.refresh/{self.number + 1}"
        answer = self.answer(refresh_token=new)
        self.refresh[new] = None
        self.successor[json.loads(answer.body)["access_token"]] = old
        if self.burns_at_once:
            self.burn(old)
        return answer

    def burn(self, token):
        self.burned += self.refresh.pop(token, 0) is None

    def check(self, request):
        super().check(request)
        old = self.successor.pop(self.shown(request), None)
        if old:
            self.burn(old)


class Login(Tokens):
    """Keystone's: the token in a header of the answer, its end in the body."""

    def shown(self, request):
        return request.headers.get("x-auth-token", "")

    def token(self, request):
        try:
            user = json.loads(request.body)["auth"]["identity"]["password"]["user"]
            is_right = (user["name"], user["password"]) == (USER, self.secret)
        except (ValueError, KeyError, TypeError):
            return Answer.problem(400, "BadRequest", "no such body")
        if not is_right:
            return Answer.problem(401, "Unauthorized", "The request you have made requires authentication.")
        ends = spelling.write_time(self.clock.now_us() + self.ttl_us, "%Y-%m-%dT%H:%M:%S.000000Z")
        return Answer.of_json({"token": {"methods": ["password"], "expires_at": ends}}, 201, X_Subject_Token=self.issue())


class AwsSigv4(Gate):
    access_key = "AKIAMETERD0000000001"

    @property
    def files(self):
        return {f"{self.name}.secret": self.secret.replace(" ", "")}

    def check(self, request):
        sigv4.verify(request, self.access_key, self.files[f"{self.name}.secret"], REGION, SERVICE, self.clock.now_us())


class Hmac(Gate):
    """A signature over method, path, sorted query, hash of the body, time and nonce; a nonce is for one use."""

    def __init__(self, name, clock):
        super().__init__(name, clock)
        self.nonces = set()

    def check(self, request):
        at, nonce = request.headers.get("x-date", ""), request.headers.get("x-nonce", "")
        try:
            is_late = abs(spelling.instant(at) - self.clock.now_us()) > sigv4.SKEW_US
        except ValueError:
            is_late = True
        text = "\n".join([request.method, request.path, sigv4.canonical_query(request.raw_query), hashlib.sha256(request.body).hexdigest(),
                          at, nonce])
        wanted = base64.b64encode(hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if is_late or not nonce or nonce in self.nonces or not hmac.compare_digest(wanted, request.headers.get("x-signature", "")):
            refuse(401, "BadSignature", text)
        self.nonces.add(nonce)


GATES = {"none": Gate, "basic": Basic, "basic_key": BasicKey, "header": Header, "query": Query, "oauth2": OAuth2, "oauth2_refresh": OAuth2Refresh,
         "login": Login, "aws_sigv4": AwsSigv4, "hmac": Hmac}
