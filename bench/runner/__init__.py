"""What `bench/run` is made of. Each module is one room:

    contestants   who is compared                      rows         what is measured
    processes     children: pinned, bounded, ended     measure      one run of one contestant
    rounds        every contestant in every round      figures      what one run says
    numbers       medians, ratios, verdicts (pure)     summary      what all runs of a row say (pure)
    targets       what we want to reach (data)         machine      where it was measured
    report        docs/performance.md (pure)           plot         docs/performance.svg (pure)
    progress      what the terminal shows              listening    where a child listens
    command       the command line                     family       what one run is about as a whole
    library       the family of `bench/run`
"""
