"""Posts a file to a URL as often as is asked, on a connection of its own each time, and prints each answer's status and code."""
import json, sys, urllib.error, urllib.request

url, path, times = sys.argv[1:4]
body = open(path, "rb").read()
for _ in range(int(times)):
    try:
        request = urllib.request.Request(url, body, dict(header.split(": ") for header in sys.argv[4:]))
        print(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as error:
        print(error.code, json.load(error)["code"])
    except OSError as error:
        print("no answer:", error)
