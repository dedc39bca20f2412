# One trial: the values of the sweep become variables of the manifest.
set -eu
exec vrx run docs/examples/width.yml --data generate \
  --set d_model="$VRX_SLOT_DIM" \
  --set batch_size="$VRX_BATCH_SIZE" \
  --set block_size="$VRX_SYNTH_LEN" \
  --set seed="$VRX_SEED" \
  --set steps=$((VRX_WARMUP_STEPS + VRX_MEASURE_STEPS)) \
  --set checkpoint_dir="runs/width/$VRX_SLOT_DIM-$VRX_SEED"
