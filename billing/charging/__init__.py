"""The spine: a due cycle is opened, intended, sent, recorded. Every charge walks it."""
