"""How fast the product is beside what is commonly used, in one run.

Each line of the table is a `Row` (suite.py). To add one, put a file into the `benchmarks` package of an app, this one
or that of another installed app, with a module-level `ROWS: Sequence[Row]`; it is found by its place alone::

    def measure(bench: Bench) -> Outcome:
        contenders = {"ours": ask_ours, "torch": ask_torch}         # callables that take the number of the turn
        return Outcome(times=bench.interleaved(contenders, turns=bench.queries), ours="ours", against="torch")

    ROWS = [Row("encode.text", "text query encode", measure, must=Goal(ratio=0.5), aim=Goal(ratio=0.25))]

A `sized` row is measured once for each size of the run (`bench.size` passages), any other once. What cannot be measured
here raises `Unmeasurable` with the reason. Contenders
answer in a turning order, so that a slow moment of the machine hits all alike. A peer that is not installed is left
out with `bench.left_out(name, package)`, and the table names it. What is not a time goes into `Outcome.figures`.
Heavy imports stay inside functions: importing a row must load no model library.
"""
