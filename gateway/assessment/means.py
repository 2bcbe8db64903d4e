"""By which means a system is connected and how often something goes, as far as a configuration can tell.

How a connector speaks is its plugin's own affair. What shows in the tenant's file is whether its system comes in with a
pinned certificate, and, by the names of its settings, whether files are exchanged (`..._folder`) or the gateway goes to
the system (`..._url`). Of any other the document asks people.
"""

from gateway.assessment.blanks import Blanks
from gateway.assessment.subject import Flow, Subject


def means(subject: Subject, connector: str) -> list[str]:
    """Each way by which its system and the gateway meet; none if nothing shows."""
    entry = subject.connectors[connector]
    found = []
    if any(key.endswith("_folder") for key in entry.settings):
        found.append("交換フォルダーのファイル")
    if any(key.endswith("_url") for key in entry.settings):
        found.append("ゲートウェイからシステムへの HTTPS 接続")
    if entry.certificates:
        found.append(
            f"システムからゲートウェイへの HTTPS 接続(登録した証明書 {len(entry.certificates)} 件による相互 TLS)"
        )
    return found


def told_means(subject: Subject, connector: str, blanks: Blanks) -> str:
    """The same in a cell."""
    found = means(subject, connector)
    return "\n".join(found) or blanks.ask(f"means.{connector}", f"{subject.system(connector)}との接続方法")


def how_often(subject: Subject, flow: Flow) -> str:
    """When it goes: with what happens, or when somebody asks. Of a system that does not come in by itself only that the
    gateway looks there can be known, and not how often.
    """
    if flow.operation.kind == "request":
        return "求めの都度(回答)" if flow.reply else "求めの都度"
    entry = subject.connectors[flow.source]
    if any(key.endswith("_folder") for key in entry.settings):
        return "発生の都度(ファイルは置かれた都度)"
    if entry.certificates:
        return "発生の都度"
    return "ゲートウェイがシステムに確かめた都度(間隔は、設定からは分からない)"
