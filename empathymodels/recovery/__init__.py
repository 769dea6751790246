"""What simulated studies tell: recovery, calibration, confusion, power, certificates.

Verbs: recover, calibrate, confuse, design_power, certify.
Doors: certificate, coverage, packed_model, replicate_files, replicates.
May import: comparison, results, inference, simulation, and what lies below them.
"""
