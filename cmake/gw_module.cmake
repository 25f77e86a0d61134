# SPDX-License-Identifier: Apache-2.0
# The wording of the build in one place: modules, tests, native migrations.

# gw_module(NAME SOURCES file… [LOWER module…] [PACKAGES pkg…])
#
# The static library gw_NAME of src/NAME. LOWER are modules declared before
# it, so the order of declaration is the order of layers. A package is the
# module's own: users of the module get the link flags, not the headers.
function(gw_module name)
    cmake_parse_arguments(M "" "" "SOURCES;LOWER;PACKAGES" ${ARGN})
    list(TRANSFORM M_SOURCES PREPEND src/${name}/)
    add_library(gw_${name} STATIC ${M_SOURCES})
    target_link_libraries(gw_${name} PRIVATE gw_flags)
    target_include_directories(gw_${name} PUBLIC
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    foreach(lower IN LISTS M_LOWER)
        if(NOT TARGET gw_${lower})
            message(FATAL_ERROR "module ${name} wants ${lower}, which is not "
                "below it (modules are declared from the lowest up)")
        endif()
        target_link_libraries(gw_${name} PUBLIC gw_${lower})
    endforeach()
    foreach(package IN LISTS M_PACKAGES)
        target_link_libraries(gw_${name} PRIVATE PkgConfig::${package})
    endforeach()
endfunction()

# gw_program(NAME SOURCES file… [LINK target…])
function(gw_program name)
    cmake_parse_arguments(P "" "" "SOURCES;LINK" ${ARGN})
    add_executable(${name} ${P_SOURCES})
    target_link_libraries(${name} PRIVATE gw_flags ${P_LINK})
endfunction()

# gw_unit_tests(MODULE) makes one program and one CTest of every
# tests/unit/MODULE/**/*_test.c, linked against the module and those below.
function(gw_unit_tests module)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS
        RELATIVE ${PROJECT_SOURCE_DIR}/tests/unit
        tests/unit/${module}/*_test.c)
    foreach(file IN LISTS files)
        string(REGEX REPLACE "_test\\.c$" "" stem ${file})
        gw_cmocka_test(unit/${stem} gw_${module} tests/unit/${file})
    endforeach()
endfunction()

# gw_cmocka_test(NAME LINK file…)
function(gw_cmocka_test name link)
    string(REPLACE "/" "_" target test/${name})
    gw_program(${target} SOURCES ${ARGN}
        LINK ${link} PkgConfig::cmocka PkgConfig::jansson)
    target_include_directories(${target} PRIVATE tests)
    gw_add_test(${name} $<TARGET_FILE:${target}>)
endfunction()

# gw_node_test(NAME file)
function(gw_node_test name file)
    gw_add_test(${name} ${GW_NODE} --test --test-reporter=tap
        ${PROJECT_SOURCE_DIR}/${file})
endfunction()

# gw_add_test(NAME command…): what every test can rely on. The label is the
# first part of the name.
function(gw_add_test name)
    add_test(NAME ${name} COMMAND ${ARGN}
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" label ${name})
    set_tests_properties(${name} PROPERTIES
        LABELS ${label}
        TIMEOUT 1500
        ENVIRONMENT "${GW_TEST_ENVIRONMENT}")
endfunction()

# gw_native_migration(FILE SOURCE): examples/native/FILE.so from SOURCE
function(gw_native_migration file source)
    add_library(${file} MODULE ${source})
    target_link_libraries(${file} PRIVATE gw_flags)
    target_include_directories(${file} PRIVATE include)
    set_target_properties(${file} PROPERTIES
        PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/native)
endfunction()

# gw_embed_text(TARGET NAME FILE): the header NAME.h with the text of FILE as
# `static const char gw_NAME[]`, for sources of TARGET.
function(gw_embed_text target name file)
    gw_embed(${target} ${name} ${PROJECT_SOURCE_DIR}/${file})
endfunction()

# gw_embed_web(TARGET NAME FILE): the same for an asset of the dashboard: as
# it is, compressed, and its tag. FILE is in web/, or an absolute path.
function(gw_embed_web target name file)
    get_filename_component(path ${file} ABSOLUTE
        BASE_DIR ${PROJECT_SOURCE_DIR}/web)
    gw_embed(${target} ${name} ${path} -DWEB=ON)
endfunction()

function(gw_embed target name path)
    set(header ${PROJECT_BINARY_DIR}/generated/${name}.h)
    add_custom_command(OUTPUT ${header}
        COMMAND ${CMAKE_COMMAND} -DIN=${path} -DOUT=${header}
            -DNAME=gw_${name} ${ARGN}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
        DEPENDS ${path} ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
        VERBATIM)
    target_sources(${target} PRIVATE ${header})
    target_include_directories(${target} PRIVATE
        ${PROJECT_BINARY_DIR}/generated)
endfunction()

# gw_npm_file(VARIABLE FILE): the path of a file of an npm package, found as
# Node finds it: in node_modules here or in a folder above.
function(gw_npm_file variable file)
    set(folder ${PROJECT_SOURCE_DIR})
    while(NOT EXISTS ${folder}/node_modules/${file})
        get_filename_component(above ${folder} DIRECTORY)
        if(above STREQUAL folder)
            message(FATAL_ERROR "node_modules/${file} is not there: the "
                "dashboard is built from npm packages (package.json).\n"
                "Install them with: dev/deps build   (or: npm ci)")
        endif()
        set(folder ${above})
    endwhile()
    set(${variable} ${folder}/node_modules/${file} PARENT_SCOPE)
endfunction()

# gw_npm_module(VARIABLE FILE NAME): a script of an npm package that makes a
# variable NAME, as a module that exports it.
function(gw_npm_module variable file name)
    gw_npm_file(script ${file})
    set(module ${PROJECT_BINARY_DIR}/generated/${name}.js)
    file(READ ${script} text)
    file(CONFIGURE OUTPUT ${module} CONTENT "${text}\nexport default ${name};\n"
        @ONLY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
    set(${variable} ${module} PARENT_SCOPE)
endfunction()
