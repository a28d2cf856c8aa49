# What of the SDK goes into the images. Each line is an option of the SDK's own;
# what is not named is off.

set(CONFIG_FREERTOS y)
set(CONFIG_TLSF y)
set(CONFIG_ROMAPI y)
set(CONFIG_LWIP y)
set(CONFIG_RF y)
set(CONFIG_WIFI4 y)

# The Wi-Fi manager will not do without its access point.
set(CONFIG_DHCPD y)

# AES in software, as the hardware's has no CCM mode.
set(CONFIG_MBEDTLS y)
set(CONFIG_MBEDTLS_CIPHER_CCM_ENABLED y)

set(CONFIG_VSNPRINTF_LONG_LONG y)
set(CONFIG_CONSOLE_UART_BAUDRATE 2000000)
