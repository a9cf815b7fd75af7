"""WebRTC by libdatachannel: machine code, where it is installed."""
