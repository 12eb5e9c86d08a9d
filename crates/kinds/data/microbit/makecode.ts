// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
serial.redirectToUSB()

// <<w:commands_why>>
serial.onDataReceived(serial.delimiters(Delimiters.NewLine), function () {
    basic.showString(serial.readUntil(serial.delimiters(Delimiters.NewLine)))
})

// <<w:line_why>>
basic.forever(function () {
    serial.writeLine("{\"temperature\":" + input.temperature() + ",\"light\":" + input.lightLevel() + "}")
    basic.pause(1000)
})
