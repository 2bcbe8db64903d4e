"""The floors: two relays that do no more than what a message costs anyone, to hold the line against.

Written once and then left alone: nothing here imports the gateway, so that what speeds the line up speeds no floor up.
"""
