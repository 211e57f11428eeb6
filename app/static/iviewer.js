// Hands OMERO.iviewer what the page was told, under the name by which it looks for it.

window.INITIAL_REQUEST_PARAMS = JSON.parse(document.querySelector("#parameters").textContent);
