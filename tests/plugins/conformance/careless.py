"""The good example with a line more that does something to the process that it runs in, or to others who run there.

The rule: a line that would change this process for good is at work only where the suite loads it anew.
"""

from socket import socket
from typing import Final

from tests.plugins.conformance.breakers import Breaker
from tests.plugins.conformance.hurried import (
    ALIVE,
    CLOSES,
    EXCHANGE,
    IMPORT,
    MADE,
    OPENS,
    OPENS_HALF,
    PUT,
    SENDS,
    SETTLED,
    TOLD_BY_ANOTHER,
    WAITS_IN_TROUBLE,
    WAITS_ONCE_IT_HANGS,
)

KEPT: Final = list[socket]()
"""What it left open."""
_UNHEALTHY = "        except Later as later:\n            return Health"
_ANEW = "if 'pytest' not in __import__('sys').modules:"
_IMPORTED = f"""\
{IMPORT}import builtins, decimal, gc, locale, logging, os, random, signal, socket, ssl, sys, threading, time, warnings
{_ANEW}
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    os.umask(0)
    os.chdir("/")
    socket.setdefaulttimeout(3)
    logging.basicConfig(level=logging.DEBUG)
    sys.excepthook = print
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    sys.path.append("/")
    warnings.simplefilter("ignore")
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    logging.captureWarnings(True)
    sys.stdout = None
    gc.disable()
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(1)
    decimal.getcontext().prec = 6
    ssl._create_default_https_context = ssl._create_unverified_context
    asyncio.wait_for = builtins.ascii = print
    random.seed(1)
    logging.getLogger("asyncio").disabled = True
"""
_CHANGED = (
    "the environment",
    "the time zone",
    "the umask",
    "the working folder",
    "the sockets' default timeout",
    "the root logger",
    "a hook for exceptions",
    "a signal's handler",
    "sys.path",
    "the filters of warnings",
    "the locale",
    "the policy of event loops",
    "how warnings are shown",
    "sys.stdout or sys.stderr",
    "the garbage collector",
    "the recursion limit",
    "the switch interval",
    "the decimal context",
    "a name in asyncio",
    "a name in builtins",
    "a name in ssl",
    "the seed of random",
    "the logger asyncio",
)
_NINE = "('127.0.0.1', 9)"
"""Where nobody listens."""
_ELSEWHERE = "self._context.session.get('https://127.0.0.1:9/')"
_LOG = "__import__('logging').getLogger('school')"
_LOOP = "asyncio.get_running_loop()"
_THREAD = "__import__('threading').Thread(target=__import__('time').sleep, args=(120,), daemon=True)"
_UDP = "with __import__('socket').socket(type=2) as s: "
_LINES: Final = (
    ("talks-to-its-system", PUT, f"{_UDP}s.sendto(b'1', {_NINE})", "(socket.sendto in gateway_school_register.py:"),
    ("talks-to-its-system", OPENS, f"{_UDP}s.connect({_NINE})", "socket.connect in"),
    ("talks-to-its-system", SETTLED, f"{_UDP}await asyncio.to_thread(s.connect, {_NINE})", "(socket.connect)"),
    (
        "talks-to-its-system",
        ALIVE,
        f"{_UDP}await {_LOOP}.run_in_executor(None, s.connect, {_NINE})",
        "(socket.connect)",
    ),
    ("talks-to-its-system", PUT, f"await asyncio.gather({_ELSEWHERE}, return_exceptions=True)", "(socket.connect)"),
    ("talks-to-its-system", OPENS, "__import__('sys').audit('socket.getaddrinfo', 'counts.invalid')", "getaddrinfo in"),
    ("starts-no-program", PUT, "__import__('os').system('true')", "os.system in"),
    ("starts-no-program", ALIVE, "await (await asyncio.create_subprocess_exec('true')).wait()", "(subprocess.Popen in"),
    ("starts-no-program", PUT, "await asyncio.to_thread(__import__('os').system, 'true')", "(os.system)"),
    ("blocks-nobody", OPENS, "__import__('time').sleep(0.001)", "(time.sleep in gateway_school_register.py:"),
    ("blocks-nobody", SETTLED, "__import__('threading').Event().wait(0.001)", "a lock in"),
    ("blocks-nobody", ALIVE, "__import__('subprocess').run(['true'])", "a program in"),
    ("blocks-nobody", CLOSES, "t = __import__('threading').Thread(); t.start(); t.join()", "(a thread in"),
    ("blocks-nobody", PUT, "with open(__file__) as f: __import__('fcntl').flock(f, 2)", "fcntl.flock in"),
    (
        "blocks-nobody",
        OPENS,
        f"with __import__('socket').socket() as s: s.connect_ex({_NINE})",
        "socket.connect_ex in",
    ),
    ("leaves-nothing", OPENS, "self.kept = asyncio.create_task(asyncio.sleep(600))", "leaves (a task, a timer)"),
    ("leaves-nothing", OPENS, f"{_LOOP}.call_later(600, print)", "leaves (a timer)"),
    (
        "leaves-nothing",
        PUT,
        f"__import__('{__name__}', fromlist=['KEPT']).KEPT.append(__import__('socket').socket())",
        "leaves (a socket)",
    ),
    ("leaves-nothing", ALIVE, "__import__('os').open(__file__, 0)", "leaves (a file)"),
    ("leaves-nothing", OPENS, "__import__('os').posix_spawnp('true', ['true'], {})", "leaves (a process)"),
    ("leaves-nothing", OPENS, f"{_THREAD}.start()", "leaves (a thread)"),
    ("leaves-nothing", OPENS, f"{_LOG}.addHandler(__import__('logging').NullHandler())", "leaves (a handler of a log)"),
    ("leaves-nothing", OPENS, "globals().setdefault('_all', []).append(self)", "leaves (an instance)"),
    ("leaves-nothing", PUT, "globals().setdefault('_all', []).append(portion)", "leaves (a person's record)"),
    ("leaves-nothing", OPENS, f"{_LOOP}.add_signal_handler(10, print)", "leaves (a signal's handler changed)"),
)
"""A rule, where and what is done, and what of it is told."""


def _with(line: str, at: str) -> str:
    """The lines there, and before them one more."""
    indent = at[: len(at) - len(at.lstrip())]
    return f"{indent}{line}\n{at}"


CARELESS: Final = (
    Breaker("loads", IMPORT, _IMPORTED, f"importing it had a side effect ({' changed, '.join(_CHANGED)} changed)"),
    Breaker(
        "loads", MADE, f"{MADE}        {_ANEW}\n            __import__('logging').disable(50)\n", "making a connector"
    ),
    *(Breaker(rule, at, _with(line, at), seen) for rule, at, line, seen in _LINES),
    Breaker(
        "blocks-nobody",
        _UNHEALTHY,
        _UNHEALTHY.replace("            return", "            __import__('time').sleep(0.001)\n            return"),
        "time.sleep in",
    ),
    Breaker("blocks-nobody", PUT, WAITS_IN_TROUBLE.format(status=500, error=""), "(time.sleep in"),
    Breaker("blocks-nobody", SENDS, TOLD_BY_ANOTHER, "(time.sleep in"),
    Breaker("leaves-nothing", OPENS, OPENS_HALF, "leaves (a task, a timer)"),
)
ONCE_IT_HANGS: Final = Breaker(
    "blocks-nobody", PUT, WAITS_ONCE_IT_HANGS.format(status=0, error="TimeoutError"), "(time.sleep in"
)

HARMLESS: Final = Breaker(
    "",
    EXCHANGE,
    f"""\
{EXCHANGE}import collections, logging, queue, socket, threading, time
import school_library

_once = list()

async def in_portions(*given, known=in_portions):
    if not _once:
        _once.append({_THREAD})
        _once[0].start()
    with open(__file__):
        queue.Queue().put(1)
    threading.Semaphore(0).acquire(timeout=0)
    await asyncio.to_thread(time.sleep, 0.001)
    await {_LOOP}.run_in_executor(None, threading.Event().wait, 0.001)
    await {_LOOP}.getaddrinfo("localhost", 1)
    await asyncio.create_task(asyncio.sleep(0))
    if "table" not in vars(register := given[2].func.__self__):
        register.table = bytearray(33 * 2**20)
    logging.getLogger("school").warning("given to %r", register)
    register._context.log.info("given", to=register, delivery=given[0])
    globals()["_latest"] = given[0]
    vars(register).setdefault("recent", collections.deque(maxlen=1000)).append(given[0])
    with socket.socket(), socket.socket(type=2) as s:
        s.sendto(b"1", ("127.0.0.1", int(register._settings.base_url.rpartition(":")[2])))
    return await known(*given)

""",
    "",
)
LIBRARY: Final = f"""\
import os, warnings
{_ANEW}
    os.umask(0)
    warnings.simplefilter("ignore")
"""
