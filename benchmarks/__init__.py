"""Speed and memory against peers, as ratios of one run: ``python -m benchmarks [--quick | --report]``.

Every point is first checked by `parlin.certify`; a method whose points are not accepted is reported and
not timed.  Everything measured goes to ``results.json``; `report` and `figure` draw ``README.md`` and
``ratios.png`` from that file alone.
"""
