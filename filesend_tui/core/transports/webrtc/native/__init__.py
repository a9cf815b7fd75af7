"""WebRTC by libdatachannel: the native stack, if it is installed."""
