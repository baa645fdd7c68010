# shellcheck shell=bash
# The parts of gpu_check.sh in order of worth: what comes late is what a short lease may leave out.
#   part NAME SECONDS NEEDS COMMAND [ARGUMENTS ...]
# SECONDS: the most it may take. NEEDS: device (a usable GPU), torch, sanitizer, a program, a file's path, joined by
# commas, or "-": where one is missing the part is skipped. gpu_check.sh defines part and what is used below.

: "${flopstep:?}" "${build:?}" "${out:?}" "${root:?}" "${emulated:?}" "${debs=}" "${data=}"
if [[ $emulated == yes ]]; then # to test the script: an emulated GPU takes long for little
    budget=0.01 gemm=16:32:x2 large=48 axpy=1k gemv=64 both=16:32:x2 both_axpy=1k networks=softmax,mlp16 batches=8
    sets=4Ki,64Ki steps=(--steps 2) ladder=mlp16 epochs=(--steps 20)
else
    # The host makes the operands and checks the results with one thread: above these sizes that takes the time.
    budget=0.3 gemm=256:8192:x2 large=16384 axpy=1M:64M:x8 gemv=1024:16384:x4 both=64:2048:x2 both_axpy=1k:16M:x4
    networks=all batches=32,128,1024 sets='' steps=() ladder=mlp5,lenet5,cnn epochs=()
fi
run() { # NAME SECONDS COMMAND OPTIONS ...: a measurement of flopstep's
    part "$1" "$2" device "$flopstep" "$3" --device "${device:-cuda}" --out "$out" --time-budget "$budget" \
        --quiet "${@:4}"
}
test_of() { part "test-$1" 60 "device,$build/tests/test_$1" "$build/tests/test_$1"; }
train() { run "$1" "$2" train --network "${3:-$networks}" "${@:4}" ${steps[@]+"${steps[@]}"}; }

[[ ${no_build:-no} == yes ]] || part build 240 - "$root/scripts/gpu_check_build.sh" "$build" ${debs:+"$debs"}
part machine 20 - "$flopstep" info
part smi 20 nvidia-smi nvidia-smi
for name in probes blas layers training; do test_of "$name"; done
run peak 60 peak ${sets:+--working-sets "$sets"}
run gemm 90 blas --kernels gemm --types s,d,h,bf16,tf32 --sizes "$gemm" --trans nn
train steps-fp32 45 '' --batch "$batches"
part memcheck 75 "device,sanitizer,$build/tests/test_layers" compute-sanitizer --tool memcheck --error-exitcode 9 \
    "$build/tests/test_layers"
run axpy 40 blas --kernels axpy --types s,d --sizes "$axpy"
run gemv 40 blas --kernels gemv --types s,d --sizes "$gemv" --trans n
train steps-tf32 45 '' --batch "$batches" --math tf32
train steps-bf16 45 '' --batch "$batches" --math bf16
part torch-steps 90 "device,torch,$root/bench/peers/frameworks.py" python3 "$root/bench/peers/frameworks.py" \
    --device cuda --math fp32 --rounds 3 --flopstep "$flopstep" --out "$out/torch-steps"
device=all run crossover 60 blas --kernels gemv,gemm --types s,d --sizes "$both" --trans n,nn --transfer
device=all run crossover-axpy 45 blas --kernels axpy --types s,d --sizes "$both_axpy" --transfer
train ladder 30 "$ladder" --ladder
train layers 30 "$ladder" --by-layer
run training 30 train --recipe circles ${epochs[@]+"${epochs[@]}"}
[[ -z $data ]] ||
    run training-mnist 45 train --recipe two-layer,mlp5-relu --data "$data" ${epochs[@]+"${epochs[@]}"}
part torch-gemm 75 "device,torch,$root/bench/peers/gemm_torch.py" python3 "$root/bench/peers/gemm_torch.py" \
    --types d,s,bf16 --rounds 3 --seconds 0.3 --flopstep "$flopstep" --out "$out/torch-gemm"
part racecheck 75 "device,sanitizer,$build/tests/test_layers" compute-sanitizer --tool racecheck --error-exitcode 9 \
    "$build/tests/test_layers"
run gemm-large 60 blas --kernels gemm --types d,s,bf16 --sizes "$large" --trans nn --no-check
