"""A smoke detector, a motion sensor with availability and a battery by ha-mqtt-discoverable (PyPI): ha_publisher.py PORT."""
import sys

from ha_mqtt_discoverable import DeviceInfo, Settings
from ha_mqtt_discoverable.sensors import BinarySensor, BinarySensorInfo, Sensor, SensorInfo
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

client = Client(CallbackAPIVersion.VERSION2, client_id="publisher")
client.username_pw_set("hub", "secret")
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
mqtt = Settings.MQTT(client=client)
device = DeviceInfo(name="Hall", identifiers="hall-1", manufacturer="made up")


def binary(name, kind, **more):
    info = BinarySensorInfo(name=name, device_class=kind, unique_id=f"hall-1-{kind}", device=device)
    return BinarySensor(Settings(mqtt=mqtt, entity=info, **more))


smoke = binary("Smoke", "smoke")
motion = binary("Motion", "motion", manual_availability=True)
battery = Sensor(Settings(mqtt=mqtt, entity=SensorInfo(name="Battery", device_class="battery", unit_of_measurement="%", unique_id="hall-1-b", device=device)))
motion.set_availability(True)
motion.on()
smoke.off()
battery.set_state(7)
smoke.on()
# QoS 1 after all the others: once it is acknowledged they have been read.
client.publish("hmd/done", "x", qos=1).wait_for_publish(60)
client.disconnect()
client.loop_stop()
