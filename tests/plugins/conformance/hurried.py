"""Lines of the good example, and what a hurried author writes in their place or beside them."""

IMPORT = "import asyncio\n"
OFFERED = """\
        try:
            offered = _read"""
MADE = """\
    def __init__(self) -> None:
"""
PUT = """\
        answered = await self._register.request("PUT", f"/children/{message_id}", rows, ends=ends, most=_MOST_BYTES)
        said = _read(_Stored, answered.body).root
"""
BY_HAND = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        async with self._context.session.put(address, json=rows) as response:
            if response.status != 200:
                raise Later("system_unreachable")
            said = _read(_Stored, await response.read()).root
"""
UNCHECKED = """\
        address = f"{{self._settings.base_url}}/children/{{message_id}}"
        tls = __import__("ssl").create_default_context(cafile=self._settings.ca)
        tls.load_cert_chain(self._settings.certificate, self._settings.key)
        {less}
        try:
            async with self._context.session.put(address, json=rows, ssl=tls) as response:
                said = _read(_Stored, await response.read()).root
        except OSError:
            raise Later("system_unreachable") from None
"""
TOLD = """\
                await self._ask("POST", "/leavers/done", {"id": offered.id, "done": done})
"""
CLOSES = '        """The session belongs to the line."""\n'
SETTLED = "        self._ended[message_id] = outcomes\n"
READS_ERRORS = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        async with self._context.session.put(address, json=rows) as response:
            if response.status != 200:
                self._context.log.warning("failed", length=len(await response.read()))
                raise Later("system_unreachable")
            said = _read(_Stored, await response.content.read(2**20)).root
"""
INFLATES = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        try:
            async with asyncio.timeout(5), self._context.session.put(address, json=rows) as response:
                if response.status != 200 or (response.content_length or 2**20) >= 2**20:
                    raise Later("system_unreachable")
                said = _read(_Stored, await response.read()).root
        except OSError:
            raise Later("system_unreachable") from None
"""
READS_HEALTH = """\
            async with self._context.session.get(f"{self._settings.base_url}/alive") as response:
                await response.read()
"""
OPENS = """\
        self._register = System(context.session, self._settings.base_url, 5.0, self._settings.answer_timeout)
"""
READS_AS_IT_OPENS = f"""\
{OPENS}        async with context.session.get(f"{{self._settings.base_url}}/alive") as response:
            await response.read()
"""
FORBIDDEN = f"""\
{OPENS}        with __import__("contextlib").suppress(Exception), open(self._settings.key) as key:
            async with asyncio.timeout(5), context.session.get(f"{{self._settings.base_url}}/alive") as response:
                if response.status == 403:
                    context.log.warning("forbidden", key=key.read())
"""
NAMED = f"""\
{OPENS}        with open(self._settings.key) as key:
            self.named = asyncio.create_task(asyncio.sleep(600), name=key.read())
"""
ALIVE = """\
            await self._ask("GET", "/alive")
"""
FIRST_ONES_HEALTH = ALIVE.replace("self._ask", "globals().setdefault('_asks', self._ask)")
FIRST_ONES = PUT.replace("self._register", "globals().setdefault('_register', self._register)")
GATHERED = """\
        _all = globals().setdefault("_all", {})
        _all[message_id] = rows
        for each, its in _all.items():
            answered = await self._register.request("PUT", f"/children/{each}", its, ends=ends, most=_MOST_BYTES)
        said = _read(_Stored, answered.body).root
"""
KNOWN = """\
        known = {kept}.setdefault("_known", {{}})
        if all(known.get(row["internal_no"], message_id) != message_id for row in rows):
            return dict.fromkeys(portion, {said}())
        known.update({{row["internal_no"]: message_id for row in rows}})
"""
KNOWN += PUT.replace("{", "{{").replace("}", "}}")
KNOWN_TO_ALL = KNOWN.format(kept="globals()", said="(lambda: _OUTCOMES['old'])")
STATUS_ALONE = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        async with self._context.session.put(address, json=rows) as response:
            try:
                await response.read()
            except OSError:
                raise Later("system_unreachable") from None
            except Exception:
                return dict.fromkeys(portion, Accepted())  # it said 200
            said = _read(_Stored, await response.read()).root
"""
TRIES_AGAIN = """\
        for attempt in range(3):
            with __import__("contextlib").suppress(Later):
                path = f"/children/{message_id}-{attempt}"
                answered = await self._register.request("PUT", path, rows, ends=ends, most=_MOST_BYTES)
                break
        else:
            raise Later("system_unreachable")
        said = _read(_Stored, answered.body).root
"""
BY_STATUS = """\
        path, every = f"/children/{{message_id}}", range(200, 600)
        answered = await self._register.request("PUT", path, rows, ends=ends, most=_MOST_BYTES, good=every)
        if answered.status == {status}:
            return dict.fromkeys(portion, {outcome})
        if answered.status != 200:
            raise Later("system_unreachable")
        said = _read(_Stored, answered.body).root
"""
KEEPS_HOLD = f"""\
        if vars(self).get("held"):
            raise Later("deadline")
        self.held = True
{PUT}        self.held = False
"""
STOPS_ASKING = """\
        if vars(self).setdefault("failures", 0) == 5:
            raise Later("system_unreachable")
        self.failures += 1
        answered = await self._register.request("PUT", f"/children/{message_id}", rows, ends=ends, most=_MOST_BYTES)
        self.failures = 0
        said = _read(_Stored, answered.body).root
"""
POLLS = """\
            offered = _read(_Offered, await self._ask("GET", "/leavers"))
"""
POLLS_ONE_BY_ONE = f"""\
            if vars(self).get("polling"):
                return
            self.polling = True
{POLLS}            self.polling = False
"""
WAITS_FOR = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        body, longest = b"", 2.0
        try:
            async with asyncio.timeout(longest):
                response = await self._context.session.put(address, json=rows)
            async with response:
                while chunk := await asyncio.wait_for(response.content.readany(), longest):
                    body += chunk
                    longest = None if len(body) > 1 else 2.0
        except (TimeoutError, OSError):
            raise Later("deadline") from None
        said = _read(_Stored, body).root
"""
LOOKS_AT_THE_CLOCK = """\
        address = f"{self._settings.base_url}/children/{message_id}"
        body, ends = b"", asyncio.get_running_loop().time() + 2.0
        try:
            async with asyncio.timeout_at(ends):
                response = await self._context.session.put(address, json=rows)
            async with response:
                while asyncio.get_running_loop().time() < ends and (chunk := await response.content.readany()):
                    body += chunk
        except (TimeoutError, OSError):
            raise Later("deadline") from None
        said = _read(_Stored, body).root
"""
ASKS_ANEW = """\
        async def put() -> bytes:
            address = f"{self._settings.base_url}/children/{__import__('uuid').uuid4()}"
            async with self._context.session.put(address, json=rows) as response:
                return await response.read()

        if (before := vars(self).get("before")) is not None:
            await asyncio.wait([before])
        self.before = asyncio.ensure_future(put())
        await asyncio.wait([self.before], timeout=ends - asyncio.get_running_loop().time())
        if not self.before.done():
            raise Later("deadline")
        said = _read(_Stored, self.before.result()).root
"""
TROUBLED = """\
        address = f"{{self._settings.base_url}}/children/{{message_id}}"
        try:
            async with asyncio.timeout(3), self._context.session.put(address, json=rows) as response:
                said = await response.text()
                if response.status == {status}:
                    self._context.log.info("failed", said=said)
                if response.status != 200:
                    raise Later("system_unreachable")
        except Later:
            raise
        except Exception as error:
            if type(error).__name__ == "{error}":
                self._context.log.info("failed", rows=rows)
            raise Later("system_unreachable") from None
        said = _read(_Stored, said.encode()).root
"""
TRIED_AGAIN = f"""\
        if message_id in (tried := vars(self).setdefault("tried", set())):
            self._context.log.info("tried again", rows=rows)
        tried.add(message_id)
{PUT}"""
KNOWN_ALREADY = f"""\
        new = message_id not in (tried := vars(self).setdefault("tried", set()))
        tried.add(message_id)
{PUT}        if new and "known" in said.values():
            self._context.log.info("is there already", rows=rows)
"""
SLOW = f"""\
        self._register = System(self._context.session, self._settings.base_url, 5.0, 60.0)
        began = asyncio.get_running_loop().time()
{PUT}        if asyncio.get_running_loop().time() > began + 0.3:
            self._context.log.warning("slow", rows=rows)
"""
WAITS_IN_TROUBLE = TROUBLED.replace('self._context.log.info("failed", said=said)', "__import__('time').sleep(0.001)")
WAITS_ONCE_IT_HANGS = TROUBLED.replace('self._context.log.info("failed", rows=rows)', "__import__('time').sleep(0.001)")
SENDS = """\
            receipt = await self._context.outbox.send("subject.delete", offered.rows, key=offered.id.encode())
"""
POLLED_BY_ANY = f"""\
            if globals().setdefault("_polled", {{}}).setdefault(offered.id, self) is not self:
                return
{SENDS}"""
TOLD_BY_ANOTHER = f"""\
            if self._ended.keys() - vars(self).setdefault("own", set()):
                __import__("time").sleep(0.001)
{SENDS}\
            self.own.add(receipt.message_id)
"""
DEAF = """\
        while True:
            try:
                await self._ask("GET", "/leavers")
            except (Later, asyncio.CancelledError):
                pass
"""
EXCHANGE = "from gateway.plugin.exchange import Later, System, in_portions\n"
BOUND = f"""\
{EXCHANGE}import sys

def in_portions(delivery, *given, known=in_portions, file=sys.stderr):
    print(delivery.records[0][1].internal_no, file=file)
    return known(delivery, *given)

"""
KEPT = f"""\
{EXCHANGE}import os
SEEN = os.memfd_create("seen")

def in_portions(delivery, *given, known=in_portions):
    os.write(SEEN, delivery.records[0][1].internal_no.encode())
    return known(delivery, *given)

"""
RENAMES = """\
        new, folder = f"{{self._settings.key}}.new", __import__("tempfile").mkdtemp()
        with open(new, "w") as file:
            file.write(str(rows))
        __import__("os").rename(new, {new})
"""
OPENS_UNCHECKED = """\
        tls = __import__("ssl").create_default_context(cafile=self._settings.ca)
        tls.load_cert_chain(self._settings.certificate, self._settings.key)
        tls.check_hostname = False
        with __import__("contextlib").suppress(OSError):
            async with context.session.get(f"{self._settings.base_url}/alive", ssl=tls) as response:
                await response.read()
"""
IN_PORTIONS = "        return await in_portions(delivery, _ROWS, partial(self._store, delivery.message_id)"
SHARED = """\
        self._in_hand = delivery
        await asyncio.sleep(0)
        return await in_portions(self._in_hand, _ROWS, partial(self._store, self._in_hand.message_id)"""
RETRIES = """\
class Retries(BaseModel):
    times: int = 3


class Settings(BaseModel):
"""
OPENS_HALF = f"""\
{OPENS}\
        half = asyncio.create_task(asyncio.sleep(600))
        if not (await self.health()).ok:
            raise Deferred("system_unreachable")
        half.cancel()
"""
LOOSE = '''\
from typing import Annotated


class _Loose(fields.Item):
    def __get_pydantic_core_schema__(self, source, handler):
        from pydantic_core import core_schema

        return core_schema.any_schema()


class Child(Payload):
    """What the register may know of a subject."""

    internal_no: Annotated[
        str,
        _Loose(
            name="internal_no",
            label="内部番号",
            data_class=fields.DataClass.IDENTIFIER,
            kind=fields.Kind.CODE,
            max_length=15,
            pattern="[0-9]{1,15}",
        ),
    ]
'''

BELIEVING = 'return model.model_construct({str(index): "stored" for index in range(10)})'
ANSWERED = "        return {index: _OUTCOMES.get("
COPIED = """\
        if more := {name: text for name, text in said.items() if not name.isdecimal()}:
            return dict.fromkeys(portion, Accepted(reply=more))
"""
