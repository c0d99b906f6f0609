# What `cmake --install` puts in place beside the program: the systemd unit, example configuration, manual pages and bash completion.
include(GNUInstallDirs)

configure_file(${CMAKE_SOURCE_DIR}/config/meterd.service.in ${CMAKE_BINARY_DIR}/meterd.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/meterd.service DESTINATION lib/systemd/system)
install(FILES config/meterd.yaml config/meterd.rules.yaml config/import-focus.yaml config/import-aws-cur.yaml config/import-azure.yaml config/import-oci.yaml config/import-gcp.yaml config/import-kubernetes.yaml config/import-opencost.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES config/demo/catalog.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY config/sources DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN man EXCLUDE)

add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/meterd.bash
  COMMAND meterd reference completion > ${CMAKE_BINARY_DIR}/meterd.bash
  DEPENDS meterd VERBATIM)
add_custom_target(completion ALL DEPENDS ${CMAKE_BINARY_DIR}/meterd.bash)
install(FILES ${CMAKE_BINARY_DIR}/meterd.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME meterd)

find_program(SCDOC scdoc)
if(SCDOC)
  foreach(page meterd.1 meterd.yaml.5)
    string(REGEX MATCH "[0-9]$" section ${page})
    add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/${page}
      COMMAND ${SCDOC} < ${CMAKE_SOURCE_DIR}/docs/man/${page}.scd > ${CMAKE_BINARY_DIR}/${page}
      DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/${page}.scd VERBATIM)
    list(APPEND manual_pages ${CMAKE_BINARY_DIR}/${page})
    install(FILES ${CMAKE_BINARY_DIR}/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(manual ALL DEPENDS ${manual_pages})
endif()
