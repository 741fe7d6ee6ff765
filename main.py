from source_closeio.run import main

if __name__ == "__main__":
    main()
