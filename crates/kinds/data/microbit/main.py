# <<rem:device_id>> · <<rem:group>> · <<rem:site>>
from microbit import display, sleep, temperature, uart

uart.init(baudrate=115200)

# <<w:line_why>>
while True:
    print('{"temperature":%d,"light":%d}' % (temperature(), display.read_light_level()))
    # <<w:commands_why>>
    if uart.any():
        line = uart.readline()
        if line:
            display.scroll(str(line, "utf-8").strip(), wait=False)
    sleep(1000)
