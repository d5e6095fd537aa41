#!/usr/bin/env bash
# Proves on a real Slurm of one machine that the shards of an array job merge to the bytes of an unsharded sweep.
#   docs/sweeps/prove-slurm.sh [path of sim]        (as root, on Debian; installs slurm-wlm and munge where they lack)
# munged, slurmctld and slurmd run without systemd, in a folder of their own, and are stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
export SIM
SIM=$(realpath "${1:-target/release/sim}")
scenario=$root/scenarios/worst-instant.yaml
n_shards=4

say() { printf '\n== %s\n' "$*"; }

if ! type slurmctld slurmd munged sbatch >/dev/null 2>&1; then
  say "installing slurm-wlm and munge"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi

work=$(mktemp -d)
chmod 755 "$work"
started=()
stop() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

say "starting munged, slurmctld and slurmd"
host=$(hostname -s)
mkdir -p "$work"/{munge,state,spool,out}
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 status=none
chmod 600 "$work/munge/key"
chmod 700 "$work/munge"
munged --foreground --force --socket="$work/munge.socket" --key-file="$work/munge/key" \
  --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" --log-file="$work/munge/log" 2>/dev/null &
started+=($!)

cat >"$work/slurm.conf" <<CONF
ClusterName=proof
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CryptoType=crypto/munge
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
slurmctld -D -f "$SLURM_CONF" 2>/dev/null &
started+=($!)
slurmd -D -f "$SLURM_CONF" 2>/dev/null &
started+=($!)
for _ in $(seq 60); do
  sinfo --noheader --format=%T 2>/dev/null | grep -q idle && break
  sleep 0.5
done
sinfo

say "one sweep in one piece"
"$SIM" sweep "$scenario" --out "$work/out/whole.jsonl" 2>/dev/null | tail -n 2 | sed "s|$work/out/||"

say "the same as an array job of $n_shards tasks, and a merge that waits for it"
array=$(sbatch --parsable --array=0-$((n_shards - 1)) --output="$work/out/%A_%a.log" \
  docs/sweeps/slurm-array.sh "$scenario" "$work/out/shards")
merge=$(sbatch --parsable --dependency="afterok:$array" --output="$work/out/merge.log" \
  docs/sweeps/slurm-merge.sh "$work/out/shards" "$work/out/merged.jsonl")
echo "submitted $array (array of $n_shards) and $merge (merge)"
for _ in $(seq 240); do
  [ -n "$(squeue --noheader 2>/dev/null)" ] || break
  sleep 0.5
done
tail -q -n 2 "$work"/out/*_*.log | sed "s|$work/out/||"
wc -l "$work"/out/shards/*.jsonl "$work/out/merged.jsonl" "$work/out/whole.jsonl" | sed "s|$work/out/||"

if cmp "$work/out/whole.jsonl" "$work/out/merged.jsonl"; then
  say "proved: the merged results are the bytes of the sweep in one piece"
else
  say "the results differ"
  cat "$work"/out/*.log "$work/slurmctld.log" "$work/slurmd.log"
  exit 1
fi
