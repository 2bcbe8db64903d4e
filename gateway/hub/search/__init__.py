"""Finding facts: an index beside each tenant's journal, derived from the facts alone, and the questions it answers.

The index is no part of the log. It only says where to look: every fact that is told was read from the journal and held
against the question. So an index that is wrong can hide a fact until it is thrown away, and invent none.
"""

from gateway.hub.search.asked import Asked, Reason, Sought, Tags
from gateway.hub.search.index_reader import IndexReader, Stretch
from gateway.hub.search.search import Search

__all__ = ["Asked", "IndexReader", "Reason", "Search", "Sought", "Stretch", "Tags"]
