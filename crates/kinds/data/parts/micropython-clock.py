def clock_is_set():
    return time.gmtime()[0] >= 2025


# <<w:clock_courtier>>
def ask_courtier_for_time(host):
    link = socket.socket()
    try:
        link.settimeout(5)
        link.connect(socket.getaddrinfo(host, config["time_port"])[0][-1])
        request = "GET /time HTTP/1.0\r\nHost: {}:{}\r\nConnection: close\r\n\r\n".format(host, config["time_port"])
        link.send(request.encode())
        answer = b""
        part = link.recv(512)
        while part:
            answer += part
            part = link.recv(512)
    finally:
        link.close()
    digits = ""
    for character in answer.decode().split("\r\n\r\n", 1)[1]:
        digits = digits + character if character.isdigit() else ""
        if len(digits) == 10:
            break
    # <<w:epoch_why>>
    seconds = int(digits) - (946684800 if time.gmtime(0)[0] == 2000 else 0)
    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


# <<w:clock_why>>
def set_clock():
    if clock_is_set():
        return
    try:
        # <<w:clock_internet>>
        import ntptime

        ntptime.settime()
    except Exception:
        pass
    for host in config["hosts"]:
        if clock_is_set():
            return
        try:
            ask_courtier_for_time(host)
        except Exception:
            pass
    if not clock_is_set():
        raise OSError("<<w:msg_clock>>")
