"""Makes and ends the communicator of a process.

A communicator does not survive a fork, so each process makes its own when it first needs one.
"""

import ctypes
import threading
from typing import Any

import Ice

from render.blitz.ami import keep_futures_native
from render.blitz.endpoint import Endpoint, Limits
from render.errors import SourceFailed
from render.waiting import Handoff, gevent_is_in_charge

#: No call outlives this, whatever happens to the one who waits for it.
LONGEST_CALL_S = 300

#: Longest wait for connections to close when a process ends.
_DESTROY_TIMEOUT_S = 5.0

#: PyGILState_LOCKED: the global lock stays with Ice, which took it to call us.
_HELD_ALREADY = 0


def make_communicator(endpoint: Endpoint, limits: Limits) -> Any:
    """Start Ice for calls to one server. Call it in the process that uses it, not before fork."""
    keep_futures_native()
    data = Ice.InitializationData()
    # Otherwise Python makes a state for the thread before each answer, and frees it after that.
    data.threadStart = lambda: ctypes.pythonapi.PyGILState_Ensure()
    data.threadStop = lambda: ctypes.pythonapi.PyGILState_Release(_HELD_ALREADY)
    data.properties = Ice.createProperties()
    for name, value in _properties(endpoint, limits).items():
        data.properties.setProperty(name, value)
    try:
        return Ice.initialize(data)
    except Ice.Exception as error:
        raise SourceFailed(
            f"Ice does not start with the settings of the connection to {endpoint}"
        ) from error


def destroy_communicator(communicator: Any) -> None:
    """End all connections and threads of a communicator, without blocking the event loop."""
    handoff = Handoff()

    def destroy() -> None:
        try:
            communicator.destroy()
        finally:
            handoff.fill()

    try:
        _start_native_thread(destroy)
    except RuntimeError:
        # The interpreter is ending and starts no threads any more; nobody else waits then.
        destroy()
    handoff.wait(_DESTROY_TIMEOUT_S)


def _start_native_thread(function: Any) -> None:
    if gevent_is_in_charge():
        from gevent import monkey

        monkey.get_original("_thread", "start_new_thread")(function, ())
    else:
        threading.Thread(target=function, daemon=True).start()


def _properties(endpoint: Endpoint, limits: Limits) -> dict[str, str]:
    properties = {
        "Ice.MessageSizeMax": "250000",
        "Ice.CacheMessageBuffers": "0",
        # We retry ourselves: Ice would send to a new connection what belonged to a lost session.
        "Ice.RetryIntervals": "-1",
        "Ice.Default.EndpointSelection": "Ordered",
        "Ice.Override.ConnectTimeout": str(int(limits.connect_timeout_s * 1000)),
        "Ice.Default.InvocationTimeout": str(LONGEST_CALL_S * 1000),
        # It only hands answers over, so one thread serves all sessions. Several would wake each
        # other for every message, and wait for Python's global lock in turn.
        "Ice.ThreadPool.Client.Size": "1",
        "Ice.ThreadPool.Client.SizeMax": "1",
        "Ice.ACM.Client.Timeout": "60000",
        "Ice.ACM.Client.Heartbeat": "2",
    }
    if endpoint.secure:
        properties.update(_tls_properties(endpoint))
    return properties


def _tls_properties(endpoint: Endpoint) -> dict[str, str]:
    properties = {
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.VerifyDepthMax": "6",
        # Ice's own default is to demand certificates; OMERO's clients accept any.
        "IceSSL.VerifyPeer": "2" if endpoint.verify else "0",
    }
    if endpoint.verify and endpoint.ca_file:
        properties["IceSSL.CAs"] = endpoint.ca_file
    elif endpoint.verify:
        properties["IceSSL.UsePlatformCAs"] = "1"
    if endpoint.verify and endpoint.check_name:
        properties["IceSSL.CheckCertName"] = "2"
    if endpoint.anonymous_ciphers:
        properties["IceSSL.Ciphers"] = "HIGH:ADH:@SECLEVEL=0"
    return properties
