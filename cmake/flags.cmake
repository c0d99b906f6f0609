# Warnings, hardening, sanitizers: one interface target that everything of ours links.
add_library(meterd_flags INTERFACE)
target_compile_definitions(meterd_flags INTERFACE _GNU_SOURCE METERD_VERSION="${PROJECT_VERSION}")
target_compile_options(meterd_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wimplicit-fallthrough -Wnull-dereference
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wold-style-definition>
  -fstack-protector-strong -fno-strict-aliasing -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(meterd_flags INTERFACE -Wlogical-op -Wduplicated-cond -fstack-clash-protection -fcf-protection)
endif()
if(METERD_WERROR)
  target_compile_options(meterd_flags INTERFACE -Werror)
endif()
target_link_options(meterd_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

if(METERD_FUZZ) # the libraries tell libFuzzer which ways were taken; the fuzz targets alone bring its main
  target_compile_options(meterd_flags INTERFACE -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer)
  target_link_options(meterd_flags INTERFACE -fsanitize=fuzzer-no-link,address)
endif()
if(METERD_SANITIZE)
  target_compile_options(meterd_flags INTERFACE -fsanitize=${METERD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(meterd_flags INTERFACE -fsanitize=${METERD_SANITIZE})
  if(CMAKE_C_COMPILER_ID MATCHES "Clang") # it counts nothing added to NULL as such, which every compiler makes NULL of, and C from 2y on
    target_compile_options(meterd_flags INTERFACE -fno-sanitize=pointer-overflow)
  endif()
elseif(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  include(CheckCSourceCompiles) # the third level asks for sizes that are known when it runs
  check_c_source_compiles("int main(int argc, char **argv) { return __builtin_dynamic_object_size(argv[argc - 1], 0) == 0; }" METERD_KNOWS_SIZES)
  target_compile_options(meterd_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$<IF:$<BOOL:${METERD_KNOWS_SIZES}>,3,2>)
endif()
