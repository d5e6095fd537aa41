#!/usr/bin/env bash
# A sweep as a Slurm array job: each task is a shard. `--shard auto` reads SLURM_ARRAY_TASK_ID, _MIN and _COUNT.
#   sbatch --array=0-7 docs/sweeps/slurm-array.sh sweep.yaml results
# A task that was killed goes on where it was cut off when it is requeued: its journal lies beside its results.
#SBATCH --job-name=sim-sweep
#SBATCH --cpus-per-task=1
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail
scenario=$1 results=$2
mkdir -p "$results"
exec "${SIM:-sim}" sweep "$scenario" --shard auto --out "$results/shard-$SLURM_ARRAY_TASK_ID.jsonl" \
  --workers "${SLURM_CPUS_PER_TASK:-1}"
