# b3iq_add_plugin(NAME MANIFEST plugin.json SOURCES ...): see the SDK's README.
function(b3iq_add_plugin name)
endfunction()
