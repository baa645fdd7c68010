# shellcheck shell=bash
# The studies of ./run_all.sh: one row a study, in the order they run.
#   study TIERS NAME COMMAND [options of flopstep ...]
# study_ranks has the number of ranks behind the name.
# A row runs when the tier (smoke, quick, full) is among TIERS. run_all.sh defines study,
# $tier and $libraries, adds --out, and reads this file once. What a row costs is about
# (number of cases) × ($budget seconds), less where the interval of the median is narrow early.

: "${libraries:=openblas}" # of openblas, blis, netlib those that load here
: "${images:=}"            # a data set that is here, or nothing
: "${gpu:=}"               # "yes" where a GPU is usable
: "${ranks:=1}"            # that mpirun can start here, one a core
case ${tier:?} in
smoke) budget=0.06 peak_budget=0.06 ;;
quick) budget=0.3 peak_budget=0.1 ;;
full) budget=3 peak_budget=2 ;;
esac

# Thread counts of the scaling studies: powers of two, and all.
all=$(nproc)
threads=1
for ((t = 2; t < all; t *= 2)); do threads+=,$t; done
((all > 1)) && threads+=,$all

#     tiers             name        command and options
study smoke,quick,full  machine     info
study smoke             ceilings    peak --threads "$all" --time-budget "$peak_budget"
study quick,full        ceilings    peak --threads "$threads" --time-budget "$peak_budget"

# All studies of a run lie in one folder and share its figures, so no case stands in two of them.

# FLOPS against N, double beside single, one thread beside all: the plot of the lectures.
study smoke             levels      blas --kernels axpy,gemv,gemm --types d,s --sizes 64:512:x2 --threads "$all" --time-budget "$budget"
study quick             levels      blas --kernels gemv,gemm --types d,s --sizes 16:2048:x2 --threads "$threads" --time-budget "$budget"
study full              levels      blas --kernels gemv,gemm --types d,s --sizes 16:4096:x2,200:2000:200 --trans n,t,nn,nt,tn,tt --threads "$threads" --time-budget "$budget"
study quick,full        vectors     blas --kernels level1 --types d,s --sizes 100:10M:x10 --threads "$threads" --time-budget "$budget"

# The other kernels: with those above, the roofline.
study smoke             kernels     blas --kernels copy,scal,dot,nrm2,asum,ger,symv,trsv,symm,syrk,trmm,trsm --types d --sizes 256 --threads "$all" --time-budget "$budget"
study quick             kernels     blas --kernels ger,symv,trsv,symm,syrk,trmm,trsm --types d --sizes 32:1024:x2 --threads "$all" --time-budget "$budget"
study full              kernels     blas --kernels ger,symv,trsv,symm,syrk,trmm,trsm --types d,s --sizes 32:4096:x2 --trans n,t --threads "$threads" --time-budget "$budget"

# The ladder of the courses: textbook loops, cache blocking, a tuned library.
study smoke             ladder      blas --kernels gemm --types d --blas naive,blocked,openblas --sizes 48:192:x2 --threads 1 --time-budget "$budget"
study quick,full        ladder      blas --kernels gemm --types d --blas naive,blocked,openblas --sizes 24:768:x2 --threads 1 --time-budget "$budget"

# Libraries side by side.
study quick             libraries   blas --kernels gemv,gemm --types d --blas "$libraries" --sizes 100:900:200 --threads "$all" --time-budget "$budget"
study full              libraries   blas --kernels gemv,gemm --types d,s --blas "$libraries" --sizes 100:1900:200 --threads "$threads" --time-budget "$budget"

# One GEMM a core: what a full node delivers.
study quick             throughput  blas --mode throughput --kernels gemm --types d,s --sizes 64:1024:x2 --time-budget "$budget"
study full              throughput  blas --mode throughput --kernels gemm --types d,s --sizes 32:2048:x2 --time-budget "$budget"

# The lectures' benchmarks, reported beside ours.
study full              blas-levels blas --recipe blas-levels
study full              intensity   blas --recipe intensity
study full              matmul-lab  blas --recipe matmul-lab
study full              matmul-5000 blas --recipe matmul-5000

# Full training steps of every named network, by layer; then images/s against the batch.
study smoke             steps       train --network all --batch 8,64 --by-layer --threads "$all" --time-budget "$budget" --quiet
study quick             steps       train --network all --batch 128 --by-layer --threads "$threads" --time-budget "$budget" --quiet
study full              steps       train --network all --batch 128 --by-layer --threads "$threads" --types s,d --time-budget "$budget" --quiet
study quick,full        batches     train --network all --batch 1,8,32,512 --threads "$threads" --time-budget "$budget" --quiet

# What each measure is worth, from plain loops to the fast step.
study smoke             ladder      train --network two-layer --batch 32 --ladder --threads 1 --time-budget "$budget" --quiet
study quick             ladder      train --network mlp5,lenet5,cnn --ladder --threads 1 --time-budget "$budget" --quiet
study full              ladder      train --network all --ladder --threads "$threads" --time-budget "$budget" --quiet

# Ranks, one thread each: weak scaling (the batch is a rank's), strong scaling (of all), where the step
# goes, and what thousands of ranks would make of it. The base is the step of one rank above.
if ((ranks > 1)); then
    counts=()
    for ((p = 2; p < ranks; p *= 2)); do counts+=("$p"); done
    counts+=("$ranks")
    study_ranks smoke       ranks 2     train --network two-layer,mlp5 --batch 64 --reduce all --threads 1 --time-budget "$budget" --quiet
    for p in "${counts[@]}"; do
        study_ranks quick,full ranks "$p"  train --network all --batch 128 --reduce all --threads 1 --time-budget "$budget" --quiet
        study_ranks quick,full strong "$p" train --network cnn,mlp5 --global-batch 128 --reduce overlap --threads 1 --time-budget "$budget" --quiet
    done
    study_ranks smoke       allreduce 2 allreduce --sizes 4,4Ki,1Mi --network mlp5 --predict 16,256,4096 --time-budget "$budget" --quiet
    study_ranks quick,full  allreduce "$ranks" allreduce --predict 16,64,256,1024,4096 --time-budget "$budget" --quiet
fi

# The GPU, where there is one: the same sizes as on the processor, and larger ones. What is faster from
# where on is the report's figures crossover.
if [[ -n $gpu ]]; then
    study smoke,quick,full gpu-ceilings peak --device cuda --time-budget "$peak_budget"
    study smoke         gpu-levels  blas --device cuda --kernels axpy,gemv,gemm --types d,s --sizes 64:2048:x2 --transfer --time-budget "$budget"
    study quick,full    gpu-vectors blas --device cuda --kernels level1 --types d,s --sizes 100:100M:x10 --transfer --time-budget "$budget"
    study quick,full    gpu-levels  blas --device cuda --kernels gemv,gemm --types d,s --sizes 16:8192:x2 --transfer --time-budget "$budget"
    study quick         gpu-kernels blas --device cuda --kernels ger,symv,trsv,symm,syrk,trmm,trsm --types d --sizes 32:4096:x2 --time-budget "$budget"
    study full          gpu-kernels blas --device cuda --kernels ger,symv,trsv,symm,syrk,trmm,trsm --types d,s --sizes 32:8192:x2 --trans n,t --time-budget "$budget"
    study quick,full    gpu-tensor  blas --device cuda --kernels gemm --types h,bf16,tf32 --sizes 256:16384:x2 --time-budget "$budget"
    study smoke,quick,full gpu-steps train --device cuda --network all --batch 1,8,32,128,512,2048 --by-layer --time-budget "$budget" --quiet
    study quick,full    gpu-tf32    train --device cuda --network all --batch 128 --math tf32 --time-budget "$budget" --quiet
    study quick,full    gpu-bf16    train --device cuda --network all --batch 128 --math bf16 --time-budget "$budget" --quiet
    study quick,full    gpu-ladder  train --device cuda --network mlp5,lenet5,cnn --ladder --time-budget "$budget" --quiet
fi

# Trainings: a decision boundary, and real images.
study smoke,quick       descent     train --recipe gradient-descent-1d --quiet
study smoke             boundary    train --recipe circles --steps 2000 --quiet
study quick,full        boundary    train --recipe circles --quiet
if [[ -n $images ]]; then
    study smoke         mlp         train --recipe mlp5-fashion --dataset "$images" --steps 400 --history 100 --quiet
    study quick         mlp         train --recipe mlp5-fashion --dataset "$images" --quiet
    study quick         cnn         train --recipe cnn-fashion --dataset "$images" --epochs 3 --history 100 --quiet
fi
study full              lectures    train --recipe all
