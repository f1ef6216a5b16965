"""Reads the messages of a maildir with Python's own parser, apart from the program's code, and
prints them as JSON, oldest first."""

import email.policy
import json
import mailbox
import sys


def part(message, kind):
    for one in message.walk():
        if one.get_content_type() == kind:
            return one.get_content().replace("\r\n", "\n")
    return None


def read(message):
    return {
        "subject": str(message["Subject"]),
        "from": str(message["From"]),
        "to": str(message["To"]),
        "type": message.get_content_type(),
        "message_id": str(message["Message-ID"]),
        "unsubscribe": str(message["List-Unsubscribe"] or "").strip(),
        "text": part(message, "text/plain"),
        "html": part(message, "text/html"),
        "defects": [str(defect) for one in message.walk() for defect in one.defects],
    }


def main():
    box = mailbox.Maildir(sys.argv[1], create=False)
    messages = []
    for key in box.keys():
        with box.get_file(key) as file:
            messages.append(email.message_from_binary_file(file, policy=email.policy.default))
    messages.sort(key=lambda message: int(str(message["Message-ID"]).strip("<>").split(".")[0]))
    json.dump([read(message) for message in messages], sys.stdout, ensure_ascii=False)


main()
