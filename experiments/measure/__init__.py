"""The instruments: what certified means, intervals, closed forms, minima by enumeration."""
