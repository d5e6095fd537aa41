#!/usr/bin/env bash
# Puts the shards of a Slurm array job together when all of them have succeeded:
#   sbatch --dependency=afterok:JOBID docs/sweeps/slurm-merge.sh results results.csv
#SBATCH --job-name=sim-merge
set -euo pipefail
exec "${SIM:-sim}" merge "$1"/shard-*.jsonl --out "$2"
