"""The closed catalogue of rules, in the order in which they are judged: by level, the quick ones first."""

from typing import Final

from gateway.plugin.testing.rule import Level, Rule
from gateway.plugin.testing.rules import (
    apart,
    effects,
    interface,
    life,
    network,
    package,
    privacy,
    proofs,
    repeats,
    together,
    trouble,
    truth,
)

_BRONZE, _SILVER, _GOLD = Level

RULES: Final = (
    Rule(
        "loads",
        _BRONZE,
        "Its hook gives one spec, of its own name, that can be locked; neither importing its module in a fresh"
        " interpreter nor making a connector has a side effect: a file, a network, a process, a thread, or a change of"
        " what the whole process shares.",
        "The gateway loads every connector before any is opened: one that acts at that time acts unasked.",
        package.loads,
    ),
    Rule(
        "same-as-lock",
        _BRONZE,
        "Its package, or the configuration, has the lock of its interface, and its code declares the same.",
        "What was reviewed is what may flow; a gateway does not start with anything else.",
        package.same_as_lock,
    ),
    Rule(
        "door-only",
        _BRONZE,
        "Of the gateway all modules of its package import `gateway.plugin` and its public parts alone, by a statement"
        " or by a name that is written out.",
        "Behind the door are keys and journals, and nothing there is promised to stay.",
        package.door_only,
    ),
    Rule(
        "settings-closed",
        _BRONZE,
        "An unknown setting, at the top or in any model below, or one of a wrong type, is refused, and the error"
        " shows no value.",
        "A misspelt setting must not be passed over, and a secret in the wrong place must not be printed.",
        package.settings_closed,
    ),
    Rule(
        "opens-and-closes",
        _BRONZE,
        "It opens and closes twice; closes twice, and after a failed opening; then it opens again.",
        "Whatever goes wrong at a start is tried again in the same process, for weeks.",
        life.opens_and_closes,
    ),
    Rule(
        "refuses-beyond-interface",
        _BRONZE,
        "Its payload classes refuse each record that has a look-alike key, a nested one, a null or a wrong type; so"
        " does the lock, and both take an honest record, of which each person has another.",
        "The class that a plugin declares reads what comes in: were it wider than the lock, more would pass than was"
        " reviewed.",
        interface.refuses_beyond_interface,
    ),
    Rule(
        "carries",
        _BRONZE,
        "What it receives the system takes, and a request is answered within the interface, with something of its"
        " person where that has any; what the system offers is sent, all of it where it offers many at once, and of one"
        " that polls something is.",
        "All other rules speak of a connector that works.",
        interface.carries,
    ),
    Rule(
        "redirects-nowhere",
        _BRONZE,
        "A redirection is not followed, be it as it opens, delivers, polls or is asked for its health.",
        "Personal data goes to the configured address and nowhere else, whatever that address says.",
        network.redirects_nowhere,
    ),
    Rule(
        "knows-its-system",
        _BRONZE,
        "Who shows at its system's address a certificate of another authority, or of another name, is asked nothing;"
        " all is deferred, and health says so.",
        "Whoever gets into the way to a system would be handed its persons' data, and believed.",
        network.knows_its_system,
    ),
    Rule(
        "talks-to-its-system",
        _BRONZE,
        "It connects, sends and has names resolved for nothing but the address that its settings name.",
        "Personal data goes there and nowhere else: not to who counts, traces errors or looks names up.",
        effects.talks_to_its_system,
    ),
    Rule(
        "keeps-apart",
        _BRONZE,
        "Of two instances with settings of their own that are open at once each serves its own system and has nothing"
        " of the other's, also while the other's system is away, and when the other has closed.",
        "One process serves many municipalities: a person's record would reach another one's system.",
        apart.keeps_apart,
    ),
    Rule(
        "no-leaks",
        _BRONZE,
        "No value of a record or a reply and no secret is in a log line, on stdout or stderr, in a warning, an error, a"
        " repr, a health sentence, a note, the words of a program that it starts, or a file outside its place, also one"
        " that is gone again; nor while its system is away, hangs, is slow, shows in an error what was asked, knows a"
        " message already, refuses a record, or answers with garbage and lies. Sought are texts, dates and numbers of"
        " six characters or more that are of no list, also escaped and in Base64; long numbers also in part, in groups,"
        " or hashed without a key.",
        "Telemetry is read, copied and kept by people who may not see a person's data.",
        privacy.no_leaks,
    ),
    Rule(
        "attests",
        _BRONZE,
        "A good proof bears out what is declared, about one person, until it ends; altered in any way, or another"
        " person's, it bears out nothing.",
        "Claims decide who is served: a forged one would open a person's records to whoever made it.",
        proofs.attests,
    ),
    Rule(
        "health",
        _SILVER,
        "It says in one sentence that its system can be served, and that it cannot, in time and without values.",
        "It is what an operator is shown first, at night.",
        life.health,
    ),
    Rule(
        "reconnects",
        _SILVER,
        "While its system refuses connections all is deferred; afterwards the same instance delivers.",
        "Systems are restarted every month, and nobody restarts a gateway for that.",
        network.reconnects,
    ),
    Rule(
        "deadlines",
        _SILVER,
        "When its system hangs, a delivery ends by its deadline, deferred, and polls and health end, too; a delivery"
        " also when its system stops in mid-answer or answers byte by byte.",
        "One system that hangs must not hold anything that others wait for.",
        network.deadlines,
    ),
    Rule(
        "late",
        _SILVER,
        "An answer after the deadline is none, and is not taken for the next one's; the repeat ends well, and nothing"
        " acts twice, where the stand-in counts.",
        "The line has repeated the delivery by then.",
        network.late,
    ),
    Rule(
        "cut-off",
        _SILVER,
        "When the connection breaks in mid-answer nothing is accepted; the repeat ends well, and nothing acts twice,"
        " where the stand-in counts.",
        "Nobody knows what the system has done; saying so is what makes the repeat happen.",
        network.cut_off,
    ),
    Rule(
        "busy",
        _SILVER,
        "429 and 503 are deferred, with the seconds of their Retry-After.",
        "A system that asks for patience and does not get it goes down.",
        network.busy,
    ),
    Rule(
        "status-alone",
        _SILVER,
        "A status that comes from a proxy, or from a system in trouble, ends no record: 201, 202 and 204 without a"
        " body, 401, 403, 404, 408, 409, 410, 500, 502 and 504 with a page of HTML.",
        "A proxy that has lost its route says 404 to all: taken at its word, a night's records would be refused for"
        " good, and nobody would send them again.",
        trouble.status_alone,
    ),
    Rule(
        "recovers",
        _SILVER,
        "One instance meets errors, garbage, answers that are cut off and silence, again and again; each time its"
        " system is well again, it delivers, and afterwards it polls and says that it is well.",
        "A lock that an error leaves taken, or a count of failures that nothing resets, stops a connector until"
        " somebody restarts the gateway.",
        trouble.recovers,
    ),
    Rule(
        "cancelled",
        _SILVER,
        "Cancelled as it opens, polls, delivers, hears how a message ended or says how it is, it stops and closes, and"
        " what was cut short ends well later.",
        "So every stop and every reload of the gateway meets it.",
        life.cancelled,
    ),
    Rule(
        "starts-no-program",
        _SILVER,
        "It starts no other program, and no process that goes on as a copy of this one.",
        "What a program is told nobody follows; and it has the rights of the gateway.",
        effects.starts_no_program,
    ),
    Rule(
        "blocks-nobody",
        _SILVER,
        "In the event loop's thread it does not sleep, wait for a lock, a thread or a program, connect or look up a"
        " name: not as it opens, works or closes, nor while its system is away, hangs or is in trouble.",
        "All connectors of a process share its loop: while one waits all stand still, and no deadline holds.",
        effects.blocks_nobody,
    ),
    Rule(
        "leaves-nothing",
        _SILVER,
        "Opened and closed again and again, also where the opening fails, it leaves no task, timer, thread, socket,"
        " file, process, handler of a log, instance or record of a person behind, and what the whole process shares as"
        " it was.",
        "A gateway reloads for years in one process; what is left each time adds up.",
        effects.leaves_nothing,
    ),
    Rule(
        "at-once",
        _SILVER,
        "Deliveries that one instance has in hand at the same time have the effects and the replies that they have one"
        " after another.",
        "The line waits for none before it hands over the next: what one delivery leaves in the connector, another"
        " finds, and a person's reply goes to somebody else.",
        together.at_once,
    ),
    Rule(
        "once",
        _SILVER,
        "The same message twice, whole or in parts, also by a new instance, has one effect, which the stand-in"
        " counts, and the same outcome; one that comes in parts, or has many records, loses nothing, and a later state"
        " of the same person is passed on.",
        "After a crash the line delivers again what may have been delivered; what is new it delivers once.",
        repeats.once,
    ),
    Rule(
        "settled",
        _SILVER,
        "It may be told twice how a message ended, early, and of a message that it does not know.",
        "The line tells at least once, also after a restart, perhaps before `send` has returned.",
        repeats.settled,
    ),
    Rule(
        "restart",
        _SILVER,
        "After a kill a new instance offers the same under the same key.",
        "A connector keeps nothing: what it sent must be known again by its key.",
        repeats.restart,
    ),
    Rule(
        "clean-addresses",
        _SILVER,
        "No value of a record or a reply is in the path or the query of a request.",
        "Every proxy on the way, and the system itself, writes the addresses that it is asked into a log.",
        privacy.clean_addresses,
    ),
    Rule(
        "documented",
        _SILVER,
        "Its README names every setting, every operation and every code of its own.",
        "Who runs it did not write it.",
        package.documented,
    ),
    Rule(
        "garbage",
        _GOLD,
        "Whatever its system answers that is no answer, nothing is accepted, and nothing is raised but what may be.",
        "Behind a broken proxy or a half-made update every answer is a page of HTML.",
        truth.garbage,
    ),
    Rule(
        "huge",
        _GOLD,
        "Of an answer that does not end, or an error, it reads no more than a bound, also of one that swells as it is"
        " decompressed; nor does its health.",
        "All connectors of a process share its memory.",
        truth.huge,
    ),
    Rule(
        "lies",
        _GOLD,
        "From a falsified answer it takes nothing about another person, nothing beyond the interface, nothing for a row"
        " that was not answered, and nothing breaks.",
        "A system mixes rows up once in ten years, and then two people have each other's data.",
        truth.lied_to,
    ),
    Rule(
        "emits-within-interface",
        _GOLD,
        "What its system offers wrongly stops nothing: it ends refused, and the good records beside it pass.",
        "One bad row in a system's own table must stop neither the others nor the connector.",
        truth.emits_within_interface,
    ),
)
"""Every rule that can be judged by a machine. Names stay: exemptions speak of them."""
