# Writes build_info.h: version, git revision, compiler and flags, as every result records them. Run at
# build time; the file is only touched when something changed, so nothing is rebuilt needlessly.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
                RESULT_VARIABLE STATUS)
if(NOT STATUS EQUAL 0)
  set(REVISION "unknown")
endif()
string(STRIP "${FLAGS}" FLAGS)
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT "#define BUILD_VERSION \"@VERSION@\"
#define BUILD_GIT_REVISION \"@REVISION@\"
#define BUILD_COMPILER \"@COMPILER@\"
#define BUILD_FLAGS \"@FLAGS@\"
#define BUILD_TYPE \"@TYPE@\"
")
