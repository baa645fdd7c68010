#!/usr/bin/env python3
"""Reads the machine code of the probes and holds it to what they promise.

usage: test_loops.py PROGRAM [OBJDUMP]

FMA probes: the loop consists of arithmetic on registers and its counter, no load, no store, no call.
Bandwidth probes: a loop over memory, no call of memcpy and the like; -nt ones store past the caches,
others never do. (Not for clang without optimisation, which copies vectors by memcpy.)
Clock chain: additions of registers and a counter.
Exit 0: all kept; 1: a promise is broken; 77: no objdump, or an architecture without probes.
"""

import re
import shutil
import subprocess
import sys

ARITHMETIC = re.compile(r"v?(mul|add|fn?madd\d+|fml[as])(p[sd])?$")
COUNTER = re.compile(r"(dec|sub|subs|jne|jnz|b\.ne)[lq]?$")
MEMORY = re.compile(r"[(\[]")  # an address in AT&T and in aarch64 syntax
STREAM = re.compile(r"v?movntp[sd]|v?movntdq|stnp")
CALL = re.compile(r"callq?|bl|blr")


def functions(program, objdump):
    """{symbol: [(address, mnemonic, operands)]} of all functions named like a probe's."""
    text = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", program], capture_output=True, text=True, check=True
    ).stdout
    code, current = {}, None
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            name = head.group(1)
            wanted = re.match(r"(fma_\w+_advance|bandwidth_(?:sse2|avx2|avx512|neon|generic)_\w+|core_clock_chain)$", name)
            current = code.setdefault(name, []) if wanted else None
        elif current is not None:
            found = re.match(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)$", line)
            if found:
                operands = re.split(r"\s+(?:#|//)", found.group(3))[0].strip()
                current.append((int(found.group(1), 16), found.group(2), operands))
    return code


def loops(code):
    """Instructions of each loop, that is between the target of a backward jump and the jump."""
    start = code[0][0]
    for address, mnemonic, operands in code:
        target = re.match(r"([0-9a-f]+) <", operands)
        if re.match(r"(j|b\.)", mnemonic) and target and start <= int(target.group(1), 16) < address:
            yield [i for i in code if int(target.group(1), 16) <= i[0] <= address]


def check_fma(code):
    bodies = list(loops(code))
    if len(bodies) != 1:
        return f"{len(bodies)} loops instead of one"
    arithmetic = 0
    for _, mnemonic, operands in bodies[0]:
        if MEMORY.search(operands):
            return f"touches memory: {mnemonic} {operands}"
        if ARITHMETIC.match(mnemonic):
            arithmetic += 1
        elif not COUNTER.match(mnemonic):
            return f"does something else: {mnemonic} {operands}"
    if arithmetic < 40 or len(bodies[0]) - arithmetic > 2:
        return f"{arithmetic} operations in a loop of {len(bodies[0])} instructions"
    return None


def check_bandwidth(name, code):
    for _, mnemonic, operands in code:
        if CALL.fullmatch(mnemonic) and re.search(r"<\w*mem(cpy|move|set)", operands):
            return f"calls {operands}"
    streams = any(STREAM.match(mnemonic) for _, mnemonic, _ in code)
    if streams != name.endswith("_nt"):
        return "stores past the caches" if streams else "doesn't store past the caches"
    accesses = [sum(bool(MEMORY.search(i[2])) for i in body) for body in loops(code)]
    if max(accesses, default=0) < 4:  # eight vectors a block, two in one instruction on aarch64
        return "has no loop over memory"
    return None


def check_clock(code):
    bodies = [body for body in loops(code) if len(body) >= 64]
    if len(bodies) != 1:
        return "no loop of additions"
    if any(MEMORY.search(operands) for _, _, operands in bodies[0]):
        return "touches memory"
    adds = [operands for _, mnemonic, operands in bodies[0] if mnemonic == "add"]
    chains = max(adds.count(operands) for operands in set(adds)) if adds else 0
    if chains != 64 or "$" in adds[0] or "#" in adds[0]:
        return f"{chains} additions of one register to another instead of 64"
    return None


def main():
    program = sys.argv[1]
    objdump = sys.argv[2] if len(sys.argv) > 2 else "objdump"
    if not shutil.which(objdump):
        print(f"{objdump} is not installed")
        return 77
    code = functions(program, objdump)
    checked = broken = 0
    for name, instructions in sorted(code.items()):
        if name.startswith("fma_"):
            problem = check_fma(instructions)
        elif name == "core_clock_chain":
            problem = check_clock(instructions)
        else:
            problem = check_bandwidth(name, instructions)
        checked += 1
        broken += problem is not None
        print(f"{'FAILED' if problem else 'ok    '} {name}{': ' + problem if problem else ''}")
    if not any(name.startswith("fma_") for name in code):
        print(f"{program} contains no probe of an architecture known here")
        return 77 if not broken else 1
    print(f"{checked} functions checked, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
